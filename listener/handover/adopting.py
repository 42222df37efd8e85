"""The second process begins: what the first one had open is judged here from now on.

All of it happens in one step without an await. Every request ends in one outcome: what was sent is
adopted and, where this process has heard its agent all the time, judged as one of its own; what
certainly never left is sent from here. Events that the first one told are not told again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from listener.assembly import Listener
from listener.chronicle import Chronicle
from listener.correlation.correlator import Correlator
from listener.correlation.outcome import Reason
from listener.correlation.sharing import SURVIVORS
from listener.correlation.steps import AnswerKind, RestAnswer, Step
from listener.finesse.events import DialogAdded, DialogChanged, DialogRemoved, Event
from listener.handover.carried import Open, Past, State
from listener.handover.overlap import FOR, Overlap
from listener.handover.prelude import Prelude
from listener.journal import Answered, Intent, Left, Row, Stored
from listener.ledger import now_utc
from listener.restoring import restore_open
from listener.ticket import Record

CAUSE = "handed over to a process that has no session of this agent yet"


@dataclass(frozen=True, slots=True)
class Adopted:
    """How many requests were taken over: judged in full, in doubt, and not sent yet."""

    judged: int
    in_doubt: int
    unsent: int


def remember(listener: Listener, past: Collection[Past]) -> None:
    """Put back what the first process settled, where there is no journal that knows it."""
    now = listener.service.loop.time()
    for each in past:
        age = now - each.record.submitted_at
        listener.service.remember(
            each.record,
            each.registration,
            age=age,
            settled_ago=each.settled_ago,
            left=each.left,
            gone=_gone(each.record, age),
        )


def _gone(record: Record, age: float) -> float | None:
    """Return the seconds since a settled request left, of `age` seconds since it was submitted."""
    if record.sent is None:
        return None
    return age - (record.sent - record.submitted).total_seconds()


class Adoption:
    """Takes over from the first process. `chronicle` knows where the numbers go on.

    `deaf`: agents of whom something may have been missed up to this moment, whatever the picture
    says. `unsettled`: what the journal has without an outcome.
    """

    def __init__(
        self,
        listener: Listener,
        chronicle: Chronicle,
        *,
        prelude: Prelude,
        state: State,
        deaf: Collection[str],
        unsettled: Collection[Stored] = (),
    ) -> None:
        self._service = listener.service
        self._roster = listener.roster
        self._chronicle = chronicle
        self._prelude = prelude
        self._state = state
        self._deaf = frozenset(deaf)
        self._unsettled = {stored.record.key: stored for stored in unsettled}
        self._now = self._service.loop.time()
        self._overlap = Overlap(state.heard, self._service.loop.time, self._now + FOR)

    def begin(self) -> Adopted:
        """Do it: this process judges, sends and tells from here on."""
        self._chronicle.told_before = self._overlap.told
        self._chronicle.gaps.update(self._state.gaps)
        self._service.keep_in(self._chronicle)
        for each in self._state.open:
            self._service.announce(each.record)
        for heard in self._prelude.events:
            self._chronicle.heard(heard.event)
        self._gaps()
        self._reconcile()
        sent = [each for each in self._state.open if each.sent_at is not None]
        sent.sort(key=lambda each: each.sent_at or 0.0)  # of two updates the later counts
        gaps = {each.record.key: self._missed(each) for each in sent}
        for each in sent:
            self._adopt(each, gap=gaps[each.record.key])
        for each in sent:
            if not gaps[each.record.key]:
                self._rehear(each)
        waiting = [each for each in self._state.open if each.sent_at is None]
        for each in waiting:
            self._take_on(each)
        self._prelude.events.clear()
        in_doubt = sum(gaps.values())
        return Adopted(len(sent) - in_doubt, in_doubt, len(waiting))

    def _left(self, each: Open) -> float:
        return each.left - (self._now - self._state.clock)

    def _reconcile(self) -> None:
        """Let the journal know all that is open, and let nothing in it stay open for ever."""
        journal = self._chronicle.journal
        for each in self._state.open:
            known = self._unsettled.pop(each.record.key, None)
            if journal is not None and known is None:  # it is not the first process's journal
                journal.put(*_rows(each))
        restore_open(self._service, self._unsettled.values(), now=now_utc())

    # -- sent ---------------------------------------------------------------------------------

    def _missed(self, each: Open) -> bool:
        """Say whether an event about a request may have been missed here since it was sent."""
        sent_at = each.sent_at or 0.0
        agent = each.record.request.agent
        picture = self._service.correlator.picture(agent)
        since = picture.live_since
        heard = picture.live and since is not None and since < sent_at
        whole = self._prelude.whole_since < sent_at
        return each.gap or not heard or not whole or agent in self._deaf

    def _adopt(self, each: Open, *, gap: bool) -> None:
        def adoption(correlator: Correlator, now: float) -> list[Step]:
            return correlator.adopt(
                now,
                each.record.request,
                each.registration,
                baseline=each.baseline,
                left=max(0.0, self._left(each)),
                accepted=each.accepted,
                age=now - each.record.submitted_at,
                status=each.status,
                answer_date=each.answer_date,
                gap=gap,
                gone=None if each.sent_at is None else now - each.sent_at,
            )

        self._service.adopt(each.record, adoption)

    def _rehear(self, each: Open) -> None:
        """Judge what was heard here since the request was sent.

        What the first process heard before it sent is in the request's baseline, however late it
        came here.
        """
        sent_at = each.sent_at or 0.0
        dialogs = _dialogs(each)
        for heard in self._prelude.events:
            since = self._overlap.heard_at(heard.key, heard.at) >= sent_at
            if since and _may_concern(each.record, dialogs, heard.event):
                self._service.rehear(each.record.key, heard.event)

    # -- never sent ---------------------------------------------------------------------------

    def _take_on(self, each: Open) -> None:
        """Send it from here, in its turn; it has never left the first process."""
        if self._left(each) <= 0:
            self._service.unsent(each.record, Reason.EXPIRED_IN_QUEUE)
        else:
            age = self._now - each.record.submitted_at
            self._service.take_on(each.record, each.registration, age=age)

    # -- agents -------------------------------------------------------------------------------

    def _gaps(self) -> None:
        """Tell of agents who were heard there and are not here, and the other way round."""
        for agent, ear in self._roster.ears.items():
            last = self._state.gaps.get(agent)
            in_gap = last is not None and last.get("until") is None
            if ear.up.is_set():
                if in_gap:
                    self._chronicle.gap(agent, None)
                continue
            if not in_gap and self._was_live(agent):
                self._chronicle.gap(agent, CAUSE)
                in_gap = True
            if in_gap:
                self._service.still_in_gap(agent, self._now)

    def _was_live(self, agent: str) -> bool:
        sessions: Mapping[str, tuple[str, bool]] = self._state.sessions
        return agent in sessions and sessions[agent][1]


def _rows(each: Open) -> Iterator[Row]:
    record = each.record
    yield Intent.of(record, each.registration)
    if each.sent_at is not None:
        yield Left(record.key, record.sent or record.submitted, each.baseline)
    if record.answered is not None:
        kind = AnswerKind.ACCEPTED if each.accepted else AnswerKind.DOUBTFUL
        answer = RestAnswer(kind, each.status, date=each.answer_date)
        yield Answered(record.key, record.answered, answer, each.left, record.sent)


def _dialogs(each: Open) -> frozenset[str]:
    known = each.baseline.ids if each.baseline is not None else frozenset()
    own = each.record.request.dialog_id
    return known | {own} if own is not None else known


def _may_concern(record: Record, dialogs: frozenset[str], event: Event) -> bool:
    """Say whether an event can matter to a request; the rest need not be looked at."""
    request = record.request
    if event.owner == request.agent or event.request_id == record.request_id:
        return True
    if not isinstance(event, DialogAdded | DialogChanged | DialogRemoved):
        return False
    about = event.dialog_id in dialogs or event.dialog.secondary_id in dialogs
    return about or isinstance(request.expectation, SURVIVORS)
