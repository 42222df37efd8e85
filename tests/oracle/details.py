"""Rules about how an outcome is told: which reason, which refusal, which evidence, and when.

The numbers are the sections of the rules of evidence. Nothing here comes from the correlator.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from listener.correlation.outcome import Confirmed, Evidence, Reason, Rejected, Unconfirmed
from listener.finesse import actions as do
from listener.finesse.events import DialogEvent, DialogRemoved, RequestFailed
from tests.oracle import blame, contents, effects, grounds, shown
from tests.oracle.readings import SILENT, has_its_id, id_shared, is_about, read_of, was_live

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked, Heard

EPS = 0.001
OURS = frozenset({"submit", "forward"})
WEAK = frozenset({Evidence.EXPECTATION, Evidence.SNAPSHOT})
PROBE_LEAD = 3.0
CLOSE_WITHIN = 3.0
MOST_GETS = 8


def broken(account: Account, asked: Asked) -> Iterator[str]:
    """Yield what is wrong with how an outcome was told, in words."""
    checks = (
        _refusal,
        _reasons,
        _ended,
        contents.call,
        contents.data,
        contents.survivor,
        contents.state,
        contents.gone,
        _at_once,
        _twins,
    )
    for check in (*checks, _late, _gets, _close, _silence):
        yield from check(account, asked)


def _refusal(account: Account, asked: Asked) -> Iterator[str]:
    """Let a refusal that was read, and what never left, end a request rejected."""
    if asked.mode not in OURS or asked.turn is None or isinstance(asked.outcome, Rejected):
        return
    until = asked.answered
    if until is None or asked.status is None:
        waited = asked.settled is not None and asked.settled > asked.turn + 1.0
        if asked.sent is None and waited and isinstance(asked.outcome, Unconfirmed):
            yield "nothing of it left, and it was not said to be rejected"
        return
    sure = 400 <= (asked.status or 0) < 500 and asked.status != 408
    tied = any(has_its_id(asked, heard) for heard in read_of(account, asked, until=until))
    known = asked.settled is not None and asked.settled >= until - EPS
    if sure and known and not tied and not asked.ambiguous and asked.abandoned is None:
        yield "refused at once, and it was not said to be rejected"


def _reasons(account: Account, asked: Asked) -> Iterator[str]:
    outcome = asked.outcome
    if not isinstance(outcome, Unconfirmed) or asked.ambiguous:
        return
    if id_shared(account, asked):
        return
    assert asked.settled is not None
    heard = list(read_of(account, asked, until=asked.settled))
    tied = any(has_its_id(asked, each) for each in heard)
    if outcome.reason is Reason.NOT_REPORTED and tied:
        yield "said never to have been reported, and its id was heard (8)"
    if asked.mode == "never_sent" and outcome.reason is not Reason.NOT_REPORTED:
        yield "never reported nor heard of, and that is not the reason (8)"
    if outcome.reason is not Reason.DEADLINE:
        return
    whole = asked.length >= asked.request.default_deadline and asked.accepted
    if isinstance(asked.request, SILENT) and whole and asked.mode in OURS:
        yield "silence that proves nothing is not for lack of time (6.6)"
    if asked.accepted and not tied and was_live(account, asked) and _other_number(asked, heard):
        yield "a call to another number was seen, and it was not said to be ambiguous (6.1)"
    end = _gone(account, asked)
    if end is not None and end < asked.settled - EPS:
        yield "its dialog had ended, and that is not the reason (6.10)"


def _other_number(asked: Asked, heard: list[Heard]) -> bool:
    if not isinstance(asked.request, do.MakeCall) or asked.deed is None:
        return False
    wanted = effects.digits(asked.request.to_address)
    return any(
        each.event.dialog_id == asked.deed.new_dialog_id
        and not isinstance(each.event, DialogRemoved)
        and each.event.dialog.state in {"ALERTING", "ACTIVE"}
        and effects.digits(each.event.dialog.to_address) != wanted
        and effects.digits(each.event.dialog.media_properties.dialed_number) != wanted
        for each in heard
        if isinstance(each.event, DialogEvent)
    )


def _gone(account: Account, asked: Asked) -> float | None:
    """Return when the end of its dialog was read, and nothing it became; None: not."""
    dialog = asked.request.dialog_id
    if dialog is None or asked.answered is None or isinstance(asked.request, SILENT):
        return None
    if len(effects.family(account.history, dialog)) > 1:
        return None
    assert asked.settled is not None
    ends = [
        heard.at
        for heard in read_of(account, asked, until=asked.settled)
        if isinstance(heard.event, DialogRemoved) and is_about(asked, heard)
        if shown.on_own_node(heard) and heard.first
    ]
    return max(ends[0], asked.answered) if ends else None


def _ended(account: Account, asked: Asked) -> Iterator[str]:
    """Let nobody wait on for long after the end of its call (6.10)."""
    plain = isinstance(asked.request, do.Hold | do.Retrieve | do.Answer)
    if not plain or not isinstance(asked.outcome, Unconfirmed) or not asked.accepted:
        return
    end = _gone(account, asked)
    assert asked.settled is not None
    if end is not None and asked.settled > end + 4.2:
        yield f"left open {asked.settled - end:.1f} s after its dialog's end"


def _at_once(account: Account, asked: Asked) -> Iterator[str]:
    """Let evidence with its id count at once (2)."""
    outcome = asked.outcome
    if not isinstance(outcome, Confirmed) or asked.ambiguous or asked.begun is None:
        return
    # What is so already, as far as was told, is told at the deadline or behind its call's end.
    apart = (*SILENT, do.Transfer, do.Reclassify, do.UpdateScheduledCallback)
    data = isinstance(asked.request, do.UpdateCallData)
    so = outcome.changed is False and (not data or contents.seemed_equal(account, asked))
    if isinstance(asked.request, apart) or so or id_shared(account, asked):
        return
    if isinstance(asked.request, do.Conference) and not was_live(account, asked):
        return  # who was on the other call nobody knew (6.4)
    assert asked.settled is not None
    first = next(
        (
            heard.at
            for heard in read_of(account, asked, until=asked.settled)
            if has_its_id(asked, heard) and shown.on_own_node(heard)
            if not isinstance(heard.event, RequestFailed)
            if shown.shows(account, asked, heard, tagged=True)
        ),
        None,
    )
    whole = first is not None and account.listening(asked.agent, first, asked.settled)
    if first is not None and whole and asked.settled > first + 1.1:
        yield f"its id had shown it {asked.settled - first:.1f} s before it was told"


def _twins(account: Account, asked: Asked) -> Iterator[str]:
    """Let one change that fits two requests confirm neither of them by itself (4)."""
    outcome = asked.outcome
    weak = isinstance(outcome, Confirmed) and outcome.evidence is Evidence.EXPECTATION
    if not weak or not isinstance(asked.request, do.Hold | do.Retrieve | do.Answer):
        return
    if not was_live(account, asked):
        return
    assert asked.settled is not None
    seen = [
        h for h in read_of(account, asked, until=asked.settled) if is_about(asked, h) and h.first
    ]
    change = next((h for h in seen if shown.shows(account, asked, h, tagged=False)), None)
    if change is None or change.event.request_id is not None:
        return
    for other in account.asked:
        same = other is not asked and other.request == asked.request and other.begun is not None
        if not same or other.ambiguous or not was_live(account, other):
            continue
        if grounds.as_it_was(account, other, change) or _names_it(account, asked, other, change):
            continue
        opened = other.begun is not None and other.begun < change.parcel.made
        if opened and (other.settled is None or other.settled > asked.settled + EPS):
            yield "the change fits another request as well, and it was taken for its own"


def _names_it(account: Account, asked: Asked, other: Asked, change: Heard) -> bool:
    """Say whether that very change had been read with its id, and not the other's, elsewhere.

    A colleague's node may be the first to tell of it (3): what bears one's id is none of another's.
    """
    return asked.request_id != other.request_id and any(
        isinstance(heard.event, DialogEvent)
        and heard.event.request_id == asked.request_id
        and is_about(asked, heard)
        and heard.parcel.made == change.parcel.made
        and heard.at <= (asked.settled or 0.0) + EPS
        for heard in account.heard
    )


def _late(account: Account, asked: Asked) -> Iterator[str]:
    """Let an error that a settled request may own be told as late on it (5)."""
    outcome = asked.outcome
    weak = isinstance(outcome, Confirmed) and outcome.evidence in WEAK
    if not weak or asked.request.dialog_id is None or asked.late:
        return
    assert asked.settled is not None
    for heard in account.heard:
        mine = heard.agent == asked.agent and heard.first and shown.on_own_node(heard)
        if not mine or not isinstance(heard.event, RequestFailed) or not is_about(asked, heard):
            continue
        own = heard.parcel.cause is asked.deed and heard.event.request_id is None
        in_time = asked.settled + EPS < heard.at < asked.deadline - EPS
        if own and in_time and blame.fits(account, asked, heard):
            yield "an error that it may own came after, and was not told as late"


def _gets(account: Account, asked: Asked) -> Iterator[str]:
    """Let no request ask by GET for ever (7)."""
    if asked.settled is None or asked.accepted is False:
        return
    begin = asked.deadline - 2 * PROBE_LEAD - 1.0
    paths = [got.path for got in account.gets if begin <= got.sent <= asked.settled]
    for path in set(paths):
        there = asked.agent in path or (asked.request.dialog_id or "-") in path
        rivals = [
            other
            for other in account.asked
            if other.agent == asked.agent or other.request.dialog_id == asked.request.dialog_id
        ]
        up = sum(1 for a, _ in account.live.get(asked.agent, ()) if begin <= a <= asked.settled)
        if there and paths.count(path) > MOST_GETS * len(rivals) + 10 * up:
            yield f"asked by GET {paths.count(path)} times"


def _close(account: Account, asked: Asked) -> Iterator[str]:
    """Let a DELETE close a preview without its id only within 3 s of the 202 (6.8)."""
    outcome = asked.outcome
    decides = isinstance(asked.request, do.PreviewClose | do.PreviewReject)
    weak = isinstance(outcome, Confirmed) and outcome.evidence is Evidence.EXPECTATION
    if not decides or not weak or asked.answered is None:
        return
    assert asked.settled is not None
    ends = [
        heard.at
        for heard in read_of(account, asked, until=asked.settled)
        if isinstance(heard.event, DialogRemoved) and is_about(asked, heard)
    ]
    if ends and ends[0] > asked.answered + CLOSE_WITHIN + EPS:
        yield "closed by an end that came too late to be its own"


def _silence(account: Account, asked: Asked) -> Iterator[str]:
    """Let an event with its id confirm what would be presumed without (6.6)."""
    if not isinstance(asked.request, SILENT) or getattr(asked.outcome, "kind", "") != "presumed":
        return
    assert asked.settled is not None
    heard = read_of(account, asked, until=asked.settled - EPS)
    if not id_shared(account, asked) and any(has_its_id(asked, each) for each in heard):
        yield "presumed, and its id had come back"
