"""The oracle's judge for a run over real sockets, and what only a whole daemon can do wrong.

No rule is weaker here than in virtual time; what is wider is by how much two processes' times may
differ, each stated:

- `CLOSE` (20 ms): two clocks read in two processes, and cut off at the millisecond. What was heard
  before an outcome and what behind it the daemon alone says, by one clock.
- `FENCE`: 2 s and half a second.
- `READ_WITHIN`: 6 s.
- A machine that stands still tells nobody anything. Where the lag of a loop was measured while the
  request was open, three times that is added to both, and half a second of it excuses a ping
  without an answer within 2 s and an agent who was signed out for being absent. Who is excused by
  that alone is counted, and a run with too many is none (`tables.py`).
- A daemon whose loop was held up first reads what lies in its sockets (`listener.standstill`): an
  outcome that was due behind a measured hold-up may be as much later as that lasts at most.
  So with the two seconds of an unsigned error: what was read of its object within the measured lag
  behind them was heard before they were over (5).
- Whose outcome was due in the moment (by that half second) of a kill is told by the next process.
- A GET is not answerable while a loop is held up: where that was measured to its moments and took
  more of the last three seconds than an answer leaves (`probed`), it is excused as well.
- A request open while the daemon was killed, stopped or handed over is not asked why it did not
  know better; that it is not wrong, not late (2 s after the restart) and not lost, it is.
- While the network or a machine failed for everybody, and `AFTERMATH` seconds behind that, nobody
  is asked why a GET was not answered or why silence was not presumed.
- A GET tells only while a session of the agent is live (section 7).
- A DELETE proves DROP only when the session stands for another second, in which another dialog
  could name this one (6.3).
- What was so since a moment before sending, and nobody had told of it (its event was lost), is a
  change against what was known, as section 4 has it: it was so after the request was sent (1).
- Two requests share a change only if they do so with exact times, too: a change of the moment
  before a request went out may be the other's.
- A request of the story before, of the same daemon, may own an unsigned error until its own
  deadline, as section 5 has it.
- No list shows tasks: after a restart or a hand-over there is nothing to compare a task with until
  it is heard of again.
- The order in which a device's requests go out is judged by the oracle in virtual time.
"""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from unittest import mock

from listener.correlation.outcome import Reason
from listener.finesse import uris
from listener.finesse.actions import Drop, TaskRequest, UserRequest
from listener.finesse.events import (
    DialogEvent,
    DialogRemoved,
    Event,
    RequestFailed,
    UserChanged,
    content_of,
    events_of,
)
from listener.finesse.wire import parse_update
from listener.standstill import LONGEST
from listener.telling import kind_of
from tests.chaos.asking import fingerprint
from tests.chaos.dealt import dealt
from tests.chaos.reading import CLOSE
from tests.chaos.stalls import LATE as UNMEASURED
from tests.chaos.stalls import LOOK, Stall, lag_between
from tests.chaos.tables import LiveTally
from tests.oracle import (
    blame,
    contents,
    details,
    effects,
    facts,
    judge,
    knowable,
    lanes,
    laws,
    probed,
    reasons,
    telling,
    whose,
)
from tests.oracle.explain import explain
from tests.oracle.judge import Find
from tests.oracle.report import finds

if TYPE_CHECKING:
    from listener.simulator.interfaces import Deed
    from tests.chaos.callers import Inquiry
    from tests.oracle.account import Account, Asked, Parcel

MOST_LAG = 0.5  # seconds by which a loop may be late for its times to tell something
NEVER_SO = "confirmed, and it never was so since it was asked"
SHARED = "one change confirmed more than one request"
NO_GAP = f"{Reason.LINK_LOST}, {reasons.NO_GROUND}"


def _frozen(values: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(values)


copyreg.pickle(MappingProxyType, lambda seen: (_frozen, (dict(seen),)))

SLACK = 0.3
"""Seconds before an outcome in which what was read need not have been thought of."""
QUIET = 1.1
LATE = 0.5
"""Seconds by which an outcome, or the answer to a ping, may be late where no lag was measured."""
GIVEN_UP = 0.05 + UNMEASURED
"""Seconds before its deadline in which a request may be given up: the law has the first of them,
and a loop may be late by so much that nobody measures when it writes down when it was submitted."""
READ_WITHIN = 6.0
"""Seconds in which an event on a sound link has been read: longer than a ping and its answer."""
READ_LATE = 3.0


@contextmanager
def tolerant(lag: float) -> Iterator[None]:
    """Let the judge's constants be those of a run over real sockets."""
    fence = 2.0 + max(LATE, 3 * lag)
    with ExitStack() as stack:
        for module, values in (
            (judge, {"EPS": CLOSE, "FENCE": fence}),
            *((module, {"EPS": CLOSE}) for module in (laws, details, contents, telling)),
            *((module, {"EPS": CLOSE}) for module in (facts, lanes, reasons)),
            (whose, {"CLOSE": CLOSE}),
            (knowable, {"SLACK": SLACK + lag}),
            (blame, {"SETTLES": 2.0 + CLOSE + lag}),
        ):
            stack.enter_context(mock.patch.multiple(module, **values))
        yield


def judged(account: Account, stalls: Sequence[Stall]) -> tuple[list[Find], list[Find]]:
    """Return what the oracle's judge finds, less what nobody can know from outside.

    Apart from it, what the machine's measured lag alone excuses.
    """
    found = _judged(account, 0.0)
    excused = [find for find in found if _put_off(find, stalls) or _unasked(find, stalls)]
    for find in found:
        if find in excused:
            continue
        lag = _lag(account, find.asked, stalls)
        if lag and not any(_same_find(find, each) for each in _judged(account, lag)):
            excused.append(find)
    return [find for find in found if find not in excused], excused


def _judged(account: Account, lag: float) -> list[Find]:
    with tolerant(lag):
        found = [find for find in finds(account) if not _excused(account, find, lag)]
        if any(find.words == SHARED for find in found):
            with mock.patch.object(judge, "EPS", 0.001):
                exact = {id(find.asked) for find in judge.wrongs(account) if find.words == SHARED}
            found = [find for find in found if find.words != SHARED or id(find.asked) in exact]
        return found


def _put_off(find: Find, stalls: Sequence[Stall]) -> bool:
    """Say whether an outcome had to wait until what came in a measured hold-up had been read."""
    asked = find.asked
    if find.kind != "overdue" or asked.settled is None:
        return False
    ends = [
        stall.end
        for stall in stalls
        if stall.begin <= asked.settled and stall.end >= asked.deadline - LATE
    ]
    soon = asked.settled <= asked.deadline + LONGEST + LATE
    return soon and any(asked.settled <= end + LONGEST + LATE for end in ends)


def _unasked(find: Find, stalls: Sequence[Stall]) -> bool:
    """Say whether a loop was held up when the last GET before a deadline had to be answered.

    By hold-ups that are known to their moments: of others only when they were looked for is known.
    """
    if find.kind != "missed" or "a GET" not in find.words:
        return False
    end = find.asked.deadline
    held = (min(s.end, end) - max(s.begin, end - probed.BEFORE) for s in stalls if _is_exact(s))
    return max(held, default=0.0) > probed.BEFORE - probed.ANSWERED


def _is_exact(stall: Stall) -> bool:
    """Say whether a loop stood still all the time between two looks at it, but for these."""
    return stall.end - stall.begin <= stall.lag + 2 * LOOK


def _same_find(one: Find, other: Find) -> bool:
    return one.asked is other.asked and (one.kind, one.words) == (other.kind, other.words)


def _lag(account: Account, asked: Asked, stalls: Sequence[Stall]) -> float:
    """Return the worst lag that was measured while a request was open, 3 s behind it as well."""
    end = asked.settled if asked.settled is not None else account.ended
    return lag_between(stalls, asked.submitted, end + READ_LATE)


def examined(parcel: bytes) -> bytes:
    """Judge an account in a process of its own: (account, stalls, begun) pickled, and back.

    Back come a tally, what was found and is nobody's request, and what happened around each find.
    """
    account, stalls, begun = pickle.loads(parcel)
    tally = LiveTally()
    found, excused = judged(account, stalls)
    tally.take(account, found, begun)
    tally.counts.update(dealt(account, begun))
    tally.excused.update(find.kind for find in excused)
    told = [f"{find}\n{explain(account, find.asked)}\n" for find in found]
    silent, late = unread(account, stalls)
    tally.excused.update(kind for kind, _ in late)
    return pickle.dumps((tally, silent, told))


def _excused(account: Account, find: Find, lag: float) -> bool:
    asked = find.asked
    if find.words == NEVER_SO:
        return _news_then(account, asked)
    if find.kind == "law":
        return _lawful(account, find, lag)
    if find.kind == "overdue":
        return _killed_at_its_end(account, asked, lag)
    if find.kind != "missed":
        return False
    if "presumed:" in find.words and lag > MOST_LAG:
        return True
    if isinstance(asked.request, TaskRequest) and not _met_again(account, asked):
        return True
    if find.words.startswith("failed:") and _owned_before(account, asked):
        return True
    if "a GET" in find.words:
        return not account.listening(asked.agent, asked.deadline - 4.0, asked.deadline)
    return isinstance(asked.request, Drop) and _cut_off(account, asked)


def _lawful(account: Account, find: Find, lag: float) -> bool:
    """Say whether a law was broken by a machine that stands still, or by two clocks, alone."""
    asked = find.asked
    if find.words.startswith("its id had shown it"):
        # Its second is no time on a machine that stands still; what was so before waits.
        data = isinstance(asked.request, knowable.DATA)
        drop = isinstance(asked.request, Drop) and (
            float(find.words.split()[5]) <= QUIET + UNMEASURED / 2 or _cut_off(account, asked)
        )
        return lag > 0 or data or drop
    if find.words.endswith(" before its deadline"):
        assert asked.settled is not None
        return asked.deadline - asked.settled < GIVEN_UP + lag  # told by two clocks
    if find.words == NO_GAP:
        silent = isinstance(asked.request, reasons.SILENT)
        return lag > MOST_LAG and silent and reasons.fenced(account, asked)
    return False


def _owned_before(account: Account, asked: Asked) -> bool:
    """Say whether a request of the story before may own its unsigned error as well (5)."""
    return any(
        other.agent == asked.agent
        and blame._may_own(other, heard.at, asked.settled)
        and blame.fits(account, other, heard)
        for heard in account.heard
        if heard.parcel.cause is asked.deed
        and isinstance(heard.event, RequestFailed)
        and heard.event.request_id is None
        for other in account.before
    )


def _killed_at_its_end(account: Account, asked: Asked, lag: float) -> bool:
    """Say whether the daemon was killed before an outcome that was due could be told.

    By the time by which an outcome may be late anyway; the next process has to tell it at once.
    """
    late = CLOSE + max(LATE, 3 * lag)
    return asked.settled is not None and any(
        asked.deadline <= killed <= asked.deadline + late and asked.settled <= started + late
        for killed, started in account.restarts
    )


def _met_again(account: Account, asked: Asked) -> bool:
    """Say whether the process in which it was asked had heard of its dialog."""
    assert asked.begun is not None
    # A hand-over serves before its end, which is that of the process before it.
    since = max((end for begin, end in account.restarts if begin <= asked.begun), default=0.0)
    return any(
        heard.agent == asked.agent
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == asked.request.dialog_id
        and since <= heard.at <= asked.begun
        for heard in account.heard
    )


def _news_then(account: Account, asked: Asked) -> bool:
    """Say whether it was so after sending, by a change of which nobody had told until then."""
    begun, settled = asked.begun, asked.settled
    weak = getattr(asked.outcome, "evidence", None) in judge.WEAK
    if begun is None or settled is None or not weak:
        return False
    read = [
        heard.parcel.made
        for heard in account.heard
        if heard.agent == asked.agent and heard.at < begun and _same(asked, heard.event)
    ]
    pictures = [a - judge.KNOWN for a, _ in account.live.get(asked.agent, ()) if a <= begun]
    newest = max([*read, *pictures], default=0.0)
    return any(
        newest - CLOSE < span.begin <= settled and span.end > begun
        for span in effects.spans(asked, account)
    )


def _same(asked: Asked, event: Event) -> bool:
    """Say whether an event is about what the request changes: its dialog, or the agent."""
    if isinstance(asked.request, UserRequest):
        return isinstance(event, UserChanged)
    return isinstance(event, DialogEvent) and event.dialog_id == asked.request.dialog_id


def _cut_off(account: Account, asked: Asked) -> bool:
    """Say whether all that showed a DROP were DELETEs behind which the session was lost."""
    assert asked.begun is not None
    assert asked.settled is not None
    shown = [
        heard
        for heard in account.heard
        if heard.agent == asked.agent
        and asked.begun <= heard.at <= asked.settled
        and heard.parcel.cause is asked.deed
        and isinstance(heard.event, DialogEvent)
        and _off(heard.event, asked.own)
    ]
    return bool(shown) and all(
        isinstance(heard.event, DialogRemoved)
        and not account.listening(asked.agent, heard.at, heard.at + QUIET)
        for heard in shown
    )


def _off(event: DialogEvent, own: str) -> bool:
    party = event.dialog.participant(own)
    return party is None or party.state in {"DROPPED", "WRAP_UP"}


# -- what only a whole daemon can do wrong -------------------------------------------------------


def strays(deeds: list[Deed], inquiries: list[Inquiry]) -> Iterator[tuple[str, str]]:
    """Yield what reached Finesse and is nobody's."""
    refused = {
        (each.asked.agent, each.asked.request_id): each.refused
        for each in inquiries
        if each.refused is not None
    }
    for deed in deeds:
        why = refused.get((deed.agent, deed.request_id or ""))
        if why is not None and "untracked" in why:
            continue  # said to be so
        words = f"{deed.action} of {deed.agent} {deed.request_id} reached Finesse"
        yield "lost", f"{words}, and {'nobody asked' if why is None else f'was refused: {why}'}"


def broken(inquiries: list[Inquiry]) -> Iterator[tuple[str, str]]:
    """Yield what callers saw that must not be."""
    for inquiry in inquiries:
        name = f"{inquiry.asked.action} of {inquiry.asked.agent} (step {inquiry.asked.step})"
        for words in inquiry.faults:
            yield "lost", f"{name}: {words}"
        if inquiry.id is None and inquiry.refused is None:
            yield "lost", f"{name}: neither taken nor refused"
        elif inquiry.id is not None and not inquiry.settled:
            yield "overdue", f"{name}: no outcome at all"


def told(
    inquiries: list[Inquiry], events: list[tuple[str, dict[str, Any]]]
) -> Iterator[tuple[str, str]]:
    """Yield where the readers of events were told something else than the caller, or nothing."""
    seen: dict[str, set[tuple[Any, ...]]] = {}
    for name, data in events:
        if name == "request" and data["outcome"] is not None:
            seen.setdefault(data["id"], set()).add(fingerprint(data["outcome"]))
    for inquiry in inquiries:
        if inquiry.id is None or not inquiry.settled:
            continue
        if seen.get(inquiry.id, set()) != inquiry.outcomes:
            words = f"events told {seen.get(inquiry.id)}, the caller {inquiry.outcomes}"
            yield "told twice", f"step {inquiry.asked.step}: {words}"


Unread = list[tuple[str, str]]


def unread(account: Account, stalls: Sequence[Stall]) -> tuple[Unread, Unread]:
    """Return events that were published on a sound link and were never told, nor their like.

    Apart from them, those of a time in which the lag that was measured may have lost the link.
    """
    heard = [parcel for parcel in (*account.earlier, *account.parcels) if parcel.heard]
    known = {(parcel.node, parcel.payload) for parcel in heard}
    told: dict[str, set[tuple[int, ...]]] = {}
    found: Unread = []
    excused: Unread = []
    for parcel in account.parcels:
        if not parcel.published or (parcel.node, parcel.payload) in known:
            continue
        agent = uris.place(parcel.node).user
        at = parcel.published[0]
        if agent is None or not _sound(account, agent, at, 0.0) or not _worth_telling(parcel):
            continue
        if parcel.node not in told:
            told[parcel.node] = {_says(each) for each in heard if each.node == parcel.node}
        if _says(parcel) in told[parcel.node]:
            continue  # the same, written otherwise, is a repeat as well (4)
        lag = lag_between(stalls, at - 1.0, at + READ_WITHIN)
        words = f"{agent} at {at:.3f}: {parcel.payload[:300]}"
        sound = not lag or _sound(account, agent, at, lag)
        (found if sound else excused).append(("unread", words))
    return found, excused


def _says(parcel: Parcel) -> tuple[int, ...]:
    return tuple(
        content_of(event) for event in events_of(parse_update(parcel.payload), parcel.node)
    )


def _sound(account: Account, agent: str, at: float, lag: float) -> bool:
    begin, end = at - 1.0, at + READ_WITHIN + 3 * lag
    if end > account.ended or not account.whole(agent, begin, end):
        return False
    if not account.listening(agent, begin, end):
        return False
    if any(a <= end and b >= begin for a, b in account.restarts):
        return False
    return not any(who == agent and a <= end and b >= begin for who, a, b in account.slow)


def _worth_telling(parcel: Parcel) -> bool:
    events = events_of(parse_update(parcel.payload), parcel.node, parcel.item_id)
    return any(kind_of(event) in {"dialog", "user", "error"} for event in events)


def troubled(asked: Asked, troubles: list[tuple[str, float, float]]) -> tuple[str, ...]:
    """Name what went wrong for everybody while a request was open."""
    end = asked.settled or float("inf")
    return tuple({name for name, a, b in troubles if asked.submitted <= b and a <= end})
