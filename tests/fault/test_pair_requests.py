"""Requests that are open while all agents move to the other node: what they may end as, and not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from listener.correlation.outcome import (
    Confirmed,
    Failed,
    Outcome,
    Presumed,
    Reason,
    Rejected,
    Unconfirmed,
)
from listener.finesse.actions import (
    Drop,
    Hold,
    Ready,
    Request,
    SendDtmf,
    TransferSst,
    UpdateCallData,
)
from listener.finesse.events import DialogEvent
from listener.simulator.faults import Fault
from listener.simulator.interfaces import Deed
from listener.ticket import Ticket
from tests.fault.pair_stage import Pair, Part, crowd, pair_of
from tests.shell.stage import A, answered_call, heard, until, writes

KINDS = ("HOLD", "SEND_DTMF", "UPDATE_CALL_DATA", "DROP", "TRANSFER_SST")
SHORT = 3.0  # seconds; a DROP needs two looks that are 3 s apart
DEADLINES = {"DROP": 8.0}


def of_kind(kind: str, agent: str, dialog: str) -> Request:
    match kind:
        case "HOLD":
            return Hold(agent=agent, dialog_id=dialog)
        case "SEND_DTMF":
            return SendDtmf(agent=agent, dialog_id=dialog, dtmf_string="4711")
        case "UPDATE_CALL_DATA":
            return UpdateCallData(
                agent=agent, dialog_id=dialog, call_variables={"callVariable1": "new"}
            )
        case "DROP":
            return Drop(agent=agent, dialog_id=dialog)
        case _:
            return TransferSst(agent=agent, dialog_id=dialog, to_address="5550123")


@dataclass
class Play:
    """A request, what became of it, and the truth."""

    kind: str
    ticket: Ticket
    outcome: Outcome
    deed: Deed

    def is_honest(self) -> bool:
        """Say whether the outcome claims nothing that is not so."""
        match self.outcome:
            case Confirmed():
                return self.deed.effect is True
            case Failed() | Rejected():
                return self.deed.effect is False
            case Presumed():
                return False  # the link was lost
            case _:
                return True


async def across_a_move(pair: Pair) -> dict[tuple[str, bool], Play]:
    """Open requests of each kind, done and refused, let the node go before any event, and move."""
    finesse = pair.sim.finesse
    cases = [(kind, done) for kind in KINDS for done in (True, False)]
    agents = dict(zip(cases, pair.agents, strict=True))
    dialogs = [await answered_call(pair.sim, pair.listener, each) for each in pair.agents]
    for (kind, done), agent in agents.items():
        finesse.faults.add(Fault.SILENT, action=kind, agent=agent)
        if not done:
            finesse.faults.add(Fault.REFUSED_LATER, action=kind, agent=agent)
    tickets = [
        pair.listener.start(of_kind(kind, agent, dialog), deadline=DEADLINES.get(kind, SHORT))
        for ((kind, _), agent), dialog in zip(agents.items(), dialogs, strict=True)
    ]
    await until(lambda: all(each.record.answered is not None for each in tickets))
    await finesse.quiet()
    await pair.nodes[0].stop()
    await pair.moved_to(1)
    outcomes = await asyncio.gather(*(each.outcome() for each in tickets))
    plays = {}
    for case, ticket, outcome in zip(cases, tickets, outcomes, strict=True):
        (deed,) = finesse.deed(agents[case], ticket.record.request_id)
        assert deed.effect is case[1]
        plays[case] = Play(case[0], ticket, outcome, deed)
    return plays


async def test_what_is_open_across_a_move_ends_as_the_other_node_shows_or_stays_open(tmp_path):
    async with pair_of(tmp_path, agents=crowd(2 * len(KINDS))) as pair:
        plays = await across_a_move(pair)

        assert [play for play in plays.values() if not play.is_honest()] == []
        told = {case for case, play in plays.items() if isinstance(play.outcome, Confirmed)}
        assert told == {("HOLD", True), ("UPDATE_CALL_DATA", True), ("DROP", True)}
        for case in plays.keys() - told:
            assert isinstance(plays[case].outcome, Unconfirmed), case
            assert plays[case].outcome.reason in {Reason.LINK_LOST, Reason.DIALOG_ENDED}, case
        assert writes(pair.sim) == len(plays)


async def test_an_event_of_the_new_node_confirms_what_was_sent_to_the_old_one(tmp_path):
    async with pair_of(tmp_path) as pair:
        dialog = await answered_call(pair.sim, pair.listener)
        pair.sim.finesse.faults.add(Fault.EVENT_LATE, action="HOLD", events=9, seconds=3.0)
        ticket = pair.listener.start(Hold(agent=A, dialog_id=dialog), deadline=20)
        await until(lambda: ticket.record.answered is not None)
        await pair.nodes[0].stop(Part.XMPP)
        outcome = await ticket.outcome()

        assert isinstance(outcome, Confirmed)
        assert len(outcome.window.gaps) == 1
        assert writes(pair.sim) == 1


async def test_a_request_that_a_node_swallowed_is_never_sent_to_the_other(tmp_path):
    async with pair_of(tmp_path, timings={"rest_connect": 3.0, "rest_answer": 1.5}) as pair:
        dialog = await answered_call(pair.sim, pair.listener)
        pair.nodes[0].freeze(Part.REST)
        ticket = pair.listener.start(Hold(agent=A, dialog_id=dialog), deadline=4.0)
        await pair.moved_to(1)  # the request found out that the node does not answer
        outcome = await ticket.outcome()
        pair.nodes[0].thaw()  # and now it is done, long after
        await until(lambda: writes(pair.sim) or not outcome)
        await pair.sim.finesse.quiet()

        assert isinstance(outcome, Unconfirmed)
        assert writes(pair.sim) == 1


async def test_a_request_that_reached_no_node_is_sent_to_the_one_that_lives(tmp_path):
    async with pair_of(tmp_path) as pair:
        dialog = await answered_call(pair.sim, pair.listener)
        await pair.nodes[0].http.stop(keep_port=True)
        outcome = await pair.listener.submit(Hold(agent=A, dialog_id=dialog))

        assert isinstance(outcome, Confirmed)
        (deed,) = [each for each in pair.sim.finesse.truth if each.client == "caller"]
        assert deed.node == 1
        await pair.nodes[0].http.start("127.0.0.1", pair.nodes[0].http.port)


# -- CTI fails over -------------------------------------------------------------------------------


async def test_the_burst_after_a_cti_failover_confirms_only_what_changed(tmp_path):
    done, undone, state, keys = crowd(4)
    async with pair_of(tmp_path, agents=(done, undone, state, keys)) as pair:
        finesse = pair.sim.finesse
        dialogs = {
            each.id: await answered_call(pair.sim, pair.listener, each.id)
            for each in (done, undone, keys)
        }
        for action, agent in (("HOLD", undone), ("READY", state), ("SEND_DTMF", keys)):
            finesse.faults.add(Fault.REFUSED_LATER, action=action, agent=agent.id)
            finesse.faults.add(Fault.SILENT, action=action, agent=agent.id)
        finesse.faults.add(Fault.SILENT, action="HOLD", agent=done.id)
        tickets = [
            pair.listener.start(request, deadline=SHORT)
            for request in (
                Hold(agent=done.id, dialog_id=dialogs[done.id]),
                Hold(agent=undone.id, dialog_id=dialogs[undone.id]),
                Ready(agent=state.id),
                SendDtmf(agent=keys.id, dialog_id=dialogs[keys.id], dtmf_string="1"),
            )
        ]
        await until(lambda: all(each.record.answered is not None for each in tickets))
        await finesse.quiet()
        finesse.standing.begin_cti_failover()
        await asyncio.gather(*(pair.deaf(agent) for agent in pair.agents))
        finesse.standing.end_cti_failover(repeats=4)
        await pair.moved_to(0)
        held, not_held, ready, pressed = await asyncio.gather(*(t.outcome() for t in tickets))

        assert isinstance(held, Confirmed)
        for outcome in (not_held, ready, pressed):
            assert isinstance(outcome, Unconfirmed)
            assert outcome.reason is Reason.LINK_LOST
        assert pair.sessions_made(1) == 0


async def test_a_request_during_a_cti_failover_is_refused_at_once_and_never_sent_again(tmp_path):
    async with pair_of(tmp_path) as pair:
        dialog = await answered_call(pair.sim, pair.listener)
        pair.sim.finesse.standing.begin_cti_failover()
        outcome = await pair.listener.submit(
            Hold(agent=A, dialog_id=dialog), require_session=False, deadline=2
        )
        pair.sim.finesse.standing.end_cti_failover()
        await pair.moved_to(0)
        await heard(pair.sim, pair.listener)

        assert isinstance(outcome, Rejected)
        assert outcome.status == 503
        assert writes(pair.sim) == 1


async def test_a_500_while_nobody_has_noticed_that_cti_is_gone_leaves_it_open(tmp_path):
    async with pair_of(tmp_path) as pair:
        dialog = await answered_call(pair.sim, pair.listener)
        pair.sim.finesse.standing.lose_cti()
        outcome = await pair.listener.submit(Hold(agent=A, dialog_id=dialog), deadline=1.0)

        assert isinstance(outcome, Unconfirmed)
        pair.sim.finesse.standing.end_cti_failover()


async def test_a_call_that_ended_inside_the_outage_is_found_gone(tmp_path):
    async with pair_of(tmp_path) as pair:
        dialog = await answered_call(pair.sim, pair.listener)
        pair.sim.finesse.standing.begin_cti_failover()
        await pair.deaf()
        await pair.sim.finesse.far_end_hangs_up(dialog)
        await pair.sim.finesse.quiet()
        pair.sim.finesse.standing.end_cti_failover()
        await pair.moved_to(0)
        outcome, _ = await pair.hold()

        assert isinstance(outcome, Confirmed)  # of another call: nothing is held up by the old one


async def test_what_the_burst_repeats_is_told_to_readers_once(tmp_path):
    async with pair_of(tmp_path) as pair:
        dialog = await answered_call(pair.sim, pair.listener)
        standing, tally = pair.sim.finesse.standing, pair.listener.service.tally
        standing.begin_cti_failover()
        await pair.deaf()
        assert await pair.sim.telephone.hold(A, dialog)
        stream, before = pair.listener.events(A), tally.duplicates
        standing.end_cti_failover(repeats=5)
        await pair.moved_to(0)
        await heard(pair.sim, pair.listener)
        stream.close()
        told = [event async for event in stream if isinstance(event, DialogEvent)]

        assert len(told) == 1
        assert tally.duplicates - before >= 2 * 4  # each agent's state, and the call
