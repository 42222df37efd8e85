"""Finesse goes out of service on a live stream: no events flow, so nothing is presumed."""

from collections import Counter

from structlog.testing import capture_logs

from listener.assembly import Listener
from listener.correlation.outcome import Presumed, Reason, Unconfirmed
from listener.finesse import uris
from listener.finesse.actions import Answer, SendDtmf
from listener.simulator.interfaces import HttpResponse
from tests.shell.stage import CUSTOMER, PACES, A, B, settings, simulated, until


async def call(simulator, listener):
    dialog = await simulator.finesse.incoming_call(A, CUSTOMER)
    await simulator.finesse.quiet()
    await listener.submit(Answer(agent=A, dialog_id=dialog))
    return dialog


async def test_dtmf_is_not_presumed_over_an_outage_and_is_again_after_it(tmp_path):
    async with (
        simulated() as simulator,
        Listener.open(settings(simulator, tmp_path), paces=PACES) as listener,
    ):
        dialog = await call(simulator, listener)
        ticket = listener.start(SendDtmf(agent=A, dialog_id=dialog, dtmf_string="1"))
        await until(lambda: ticket.record.answered)

        simulator.finesse.set_status("OUT_OF_SERVICE")
        await until(lambda: not listener.agents[A].live)
        simulator.finesse.set_status("IN_SERVICE")
        await listener.ready(A, within=40)

        outcome = await ticket.outcome()
        assert isinstance(outcome, Unconfirmed)
        assert outcome.reason is Reason.LINK_LOST
        after = await listener.submit(SendDtmf(agent=A, dialog_id=dialog, dtmf_string="2"))
        assert isinstance(after, Presumed)


async def test_the_session_stays_up_during_an_outage_for_its_presence_counts(tmp_path):
    async with (
        simulated() as simulator,
        Listener.open(settings(simulator, tmp_path), paces=PACES) as listener,
    ):
        sessions = simulator.notifications.sessions(A)

        simulator.finesse.set_status("OUT_OF_SERVICE")
        await until(lambda: not listener.agents[A].live)

        assert simulator.notifications.present(A)
        assert simulator.notifications.sessions(A) == sessions


async def test_the_user_finesse_going_away_is_an_outage_until_finesse_is_asked(tmp_path):
    async with (
        simulated() as simulator,
        Listener.open(settings(simulator, tmp_path), paces=PACES) as listener,
    ):
        simulator.notifications.set_finesse_presence(available=False)
        await until(lambda: not listener.agents[A].live)

        simulator.notifications.set_finesse_presence(available=True)
        await listener.ready(A, within=40)

        assert listener.agents[A].live


async def test_a_session_lost_during_an_outage_begins_anew(tmp_path):
    async with (
        simulated() as simulator,
        Listener.open(settings(simulator, tmp_path), paces=PACES) as listener,
    ):
        simulator.finesse.set_status("OUT_OF_SERVICE")
        await until(lambda: not listener.agents[A].live)
        simulator.notifications.cut(A)
        simulator.finesse.set_status("IN_SERVICE")

        await listener.ready(A, within=20)

        assert listener.agents[A].live


async def test_system_info_that_refuses_every_password_for_a_while_stops_no_session(tmp_path):
    """A REST 401 is not the password's alone: agents are back once SystemInfo answers again."""
    async with (
        simulated() as simulator,
        Listener.open(settings(simulator, tmp_path), paces=PACES) as listener,
    ):
        answer, refused = simulator.finesse.answer, []

        async def refusing(request, node):
            if request.path != uris.SYSTEM_INFO:
                return await answer(request, node)
            refused.append(request.headers.get("authorization"))
            return HttpResponse(401)

        with capture_logs() as lines:
            simulator.finesse.answer = refusing
            simulator.notifications.cut()
            # Who is quick has a session all the same, and may not use it before Finesse is asked.
            await until(lambda: not any(agent.live for agent in listener.agents.values()))
            await until(lambda: len(refused) > 20)
            await until(lambda: "401" in (listener.agents[A].last_error or ""))
            assert not any(agent.live for agent in listener.agents.values())
            simulator.finesse.answer = answer
            for agent in (A, B):
                await listener.ready(agent, within=20)
        shown = Counter(each for each in refused if each is not None)
        assert len(shown) == 2
        assert max(shown.values()) <= 2  # once, and once more when SASL took it meanwhile
        assert not [line for line in lines if line["event"] == "session.stopped"]
