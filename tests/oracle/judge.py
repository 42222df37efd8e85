"""The judge: what was said, against what was true. Written from the rules, without the correlator.

`wrongs` finds what says more than is true, `missed` (in `knowable.py`) what could have been known.
The truth is Finesse's own record and the switch's history. A phone that does the same makes an
effect true. Takes an `Account`, whichever world it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from listener.correlation.outcome import (
    Abandoned,
    Confirmed,
    Evidence,
    Failed,
    Presumed,
    Reason,
    Rejected,
    Unconfirmed,
)
from listener.finesse import actions as do
from listener.finesse.events import DialogEvent, DialogRemoved, RequestFailed, UserChanged
from tests.oracle import blame, effects, facts, grounds, lanes, laws, table, whose
from tests.oracle.shrink import essence

if TYPE_CHECKING:
    from tests.oracle.account import Account, Asked, Heard, View

EPS = 0.001
ONE_CLOCK = 0.001  # two times of the program's own, whatever process they are told to
KNOWN = 2.0  # seconds before a session is live in which its picture was read
FENCE = 2.0
NEVER_LEFT = frozenset(
    {Reason.NOT_SENT, Reason.EXPIRED_IN_QUEUE, Reason.CANCELLED, Reason.SHUTDOWN}
)
SILENT = (do.SendDtmf, do.StartRecording)
WEAK = frozenset({Evidence.EXPECTATION, Evidence.SNAPSHOT})


class Find(NamedTuple):
    """One thing that is wrong. `kind` is a word of the table in the report."""

    kind: str
    asked: Asked
    words: str

    def __str__(self) -> str:
        asked = self.asked
        return (
            f"{self.kind}: {asked.action} of {asked.agent} (step {asked.step}): {self.words};"
            f" said {describe(asked)}"
        )

    @property
    def essence(self) -> tuple[str, ...]:
        """What makes it the same find in a smaller story."""
        return essence(self.kind, self.asked.action, self.words, describe(self.asked))


def describe(asked: Asked) -> str:
    """Return an outcome in a few words."""
    outcome = asked.outcome
    if outcome is None:
        return "nothing"
    why = getattr(outcome, "evidence", None) or getattr(outcome, "reason", None) or ""
    return f"{outcome.kind} {why}".strip()


def wrongs(account: Account) -> list[Find]:
    """Return all outcomes that say more than is true, and all that broke a promise."""
    found = [
        Find(kind, asked, words)
        for asked in account.asked
        for kind, words in _about(account, asked)
    ]
    gate = [Find("gate", asked, words) for asked, words in lanes.broken(account)]
    return found + list(_one_change_each(account)) + gate


def _about(account: Account, asked: Asked) -> Iterator[tuple[str, str]]:
    if len(asked.deeds) > 1:
        yield "sent twice", f"it reached Finesse {len(asked.deeds)} times"
    if asked.times_settled > 1:
        yield "told twice", "its outcome changed after it was told"
    for words in _overdue(account, asked):
        yield "overdue", words
    if asked.outcome is None:
        return
    for kind, check in CHECKS:
        for words in check(account, asked):
            yield kind, words


def _said(account: Account, asked: Asked) -> Iterator[str]:
    outcome = asked.outcome
    assert outcome is not None
    if outcome.sent is False and asked.deeds:
        yield "nothing was said to have left, and Finesse received it"
    match outcome:
        case Confirmed():
            yield from _confirmed(account, asked, outcome)
        case Failed():
            yield from _failed(account, asked, outcome)
        case Presumed():
            yield from _presumed(account, asked)
        case Rejected():
            yield from _rejected(asked, outcome)
        case Unconfirmed() | Abandoned():
            # Whose turn had come when its process was killed has begun: the next one cannot know.
            if asked.begun is None and not asked.deeds:
                yield "it may have happened, was said, and it was never let go"


# -- confirmed --------------------------------------------------------------------------------


def since(account: Account, asked: Asked) -> float:
    """Return from when on a change counts: from sending, or of what was still on its way then.

    Finesse's clock and ours are not compared, so that news of a moment before, which comes after
    the request went out, cannot be told from news of a moment after. It must be later than all that
    was known then, for those two times are Finesse's. Where nothing was known then, it is compared
    with the Date of Finesse's answer, which is later than the request (4).
    """
    begun = asked.submitted if asked.begun is None else asked.begun
    there = asked.begun is None or account.listening(asked.agent, begun - EPS, begun)
    if not there and not grounds.pictured(account, asked):
        return begun
    known = [a - KNOWN for a, _ in account.live.get(asked.agent, ()) if a <= begun]
    coming: list[float] = []
    for heard in account.heard:
        tells = not isinstance(heard.event, RequestFailed)  # how it is, an error does not show
        if heard.agent == asked.agent and tells and _same_object(asked, heard):
            made = heard.parcel.made
            if heard.at < begun:
                known.append(made)
            elif heard.first and made < begun:
                coming.append(made)
    newest = max(known, default=0.0)
    if isinstance(asked.request, do.Hold | do.Retrieve | do.Answer) and known:
        return min(begun, newest + 2 * EPS)  # by its own time, whenever it was told (4)
    if getattr(asked.outcome, "evidence", None) is Evidence.SNAPSHOT and known:
        return min(begun, newest + 2 * EPS)  # what a GET shows was not known then, either
    news = [made for made in coming if made > newest]
    untold = [span.begin for span in effects.spans(asked, account) if span.begin > newest]
    return min([begun, *news, *(untold if known else ())])


def _same_object(asked: Asked, heard: Heard) -> bool:
    """Say whether an event is about what the request changes: its dialog, or the agent."""
    dialog = asked.request.dialog_id
    if isinstance(asked.request, do.UserRequest):
        return isinstance(heard.event, UserChanged)
    return dialog is None or getattr(heard.event, "dialog_id", None) == dialog


def _confirmed(account: Account, asked: Asked, outcome: Confirmed) -> Iterator[str]:
    assert asked.settled is not None
    deed, begun = asked.deed, since(account, asked)
    if outcome.evidence is Evidence.REQUEST_ID:
        yield from _tied(account, asked)
    elif isinstance(asked.request, effects.BY_ID):
        yield "confirmed without its id, and nothing else could tell"
    elif not (
        _was_so(account, asked, begun, outcome)
        or _goes_on_untold(account, asked, outcome)
        or _wrapped_up(account, asked, begun)
        or _left_together(account, asked, begun)
    ):
        yield "confirmed, and it never was so since it was asked"
    if isinstance(asked.request, do.MakeCall | do.ConsultCall):
        yield from _call(account, asked, outcome)
    new = outcome.dialogs.new
    tied = outcome.evidence is Evidence.REQUEST_ID and deed is not None
    if new and tied and deed.new_dialog_id not in {None, new}:
        yield f"confirmed by dialog {new}, and it made {deed.new_dialog_id}"


def _tied(account: Account, asked: Asked) -> Iterator[str]:
    """Finesse tied the effect to this very request: an event of its own bore its id (1, 3).

    A call that stood INITIATED at the deadline is what was heard of it, whatever came of it (6.1).
    """
    deed = asked.deed
    assert asked.settled is not None
    dialled = getattr(asked.outcome, "stage", None) == "INITIATED" and deed is not None
    if not dialled and (deed is None or deed.effect is not True):
        yield "confirmed by its id, and it was not done"
        return
    assert deed is not None
    if not dialled and (deed.effect_at or 0.0) > asked.settled + EPS:
        yield "confirmed by its id before it was done"
    bore = [
        parcel
        for parcel in account.parcels
        if parcel.cause is deed and parcel.tag and not parcel.is_error
        if any(at <= asked.settled + EPS for at, _ in parcel.heard)
    ]
    if not bore:
        yield "confirmed by its id, and no event of its own that was read bore it"


def _was_so(account: Account, asked: Asked, begun: float, outcome: Confirmed) -> bool:
    assert asked.settled is not None
    # Values that are there are there, whoever set them before (rules 6.7).
    data = do.UpdateCallData | do.Reclassify | do.UpdateScheduledCallback
    unchanged = outcome.changed is False or isinstance(asked.request, data)
    return any(
        span.begin <= asked.settled + EPS
        and span.end > begun - EPS
        and (unchanged or span.begin >= begun - EPS)
        for span in effects.spans(asked, account)
    )


def _left_together(account: Account, asked: Asked, begun: float) -> bool:
    """Say whether what a TRANSFER asks for came to be so on a third call (6.4)."""
    if not isinstance(asked.request, do.Transfer):
        return False
    spans = effects.left_together(asked, account)
    return any(begun - EPS <= span.begin <= (asked.settled or 0.0) + EPS for span in spans)


def _wrapped_up(account: Account, asked: Asked, begun: float) -> bool:
    """Say whether the own part went from WRAP_UP to DROPPED since, and nobody knew of the first.

    With nothing to compare it with, each of the two is a change that may be the DROP's (4, 6.3).
    """
    if not isinstance(asked.request, do.Drop) or grounds.pictured(account, asked):
        return False
    row = account.history.calls.get(asked.request.dialog_id or "", [])
    return any(
        was.parties.get(asked.own) == "WRAP_UP"
        and is_.parties.get(asked.own) == "DROPPED"
        and begun <= at <= (asked.settled or 0.0) + EPS
        for (_, was), (at, is_) in pairwise(row)
    )


def _goes_on_untold(account: Account, asked: Asked, outcome: Confirmed) -> bool:
    """Say whether a dropped call goes on under another id that nobody told of in time (6.3).

    A DELETE that shows us off the call, or follows that, proves it if no own dialog names this one
    within a second; a list that a GET shows tells of it as well.
    """
    dialog = asked.request.dialog_id
    if not isinstance(asked.request, do.Drop) or dialog is None:
        return False
    if outcome.evidence is Evidence.SNAPSHOT:
        return False
    assert asked.settled is not None
    mine = [
        heard
        for heard in account.heard
        if heard.agent == asked.agent and isinstance(heard.event, DialogEvent)
    ]
    here = [h for h in mine if h.event.dialog_id == dialog and h.at <= asked.settled + EPS]
    ends = [heard.at for heard in here if isinstance(heard.event, DialogRemoved)]
    until = max([asked.settled, *(end + 1.0 - EPS for end in ends[:1])])
    into = [id_ for id_ in effects.family(account.history, dialog, asked.settled) if id_ != dialog]
    named = any(
        heard.event.dialog_id in into
        and heard.event.dialog.secondary_id == dialog
        and heard.at <= until
        for heard in mine
    )
    parties = (heard.event.dialog.participant(asked.own) for heard in here)
    off = any(party is not None and party.state in effects.LEFT for party in parties)
    return bool(into) and off and not named


def _call(account: Account, asked: Asked, outcome: Confirmed) -> Iterator[str]:
    assert asked.settled is not None
    row = account.history.calls.get(outcome.dialogs.new or "", ())
    states = {view.state for at, view in row if at <= asked.settled + EPS}
    if outcome.stage == "INITIATED":
        if asked.settled < asked.deadline - EPS:
            yield "confirmed as INITIATED before its deadline"
        now = account.history.at(outcome.dialogs.new, asked.settled)
        off = now is not None and now.parties.get(asked.own) in effects.LEFT
        if now is None or off or now.state != "INITIATED":
            heard = [
                h
                for h in account.heard
                if h.agent == asked.agent
                and isinstance(h.event, DialogEvent)
                and h.event.dialog_id == outcome.dialogs.new
                and h.at < asked.settled - EPS  # what comes at the deadline is late (7)
            ]
            over = bool(heard) and isinstance(heard[-1].event, DialogRemoved)
            state = heard[-1].event.dialog.state if heard else "INITIATED"
            later = state == "INITIATING" and _shown_initiated(account, asked, row, heard[-1].at)
            if over or (state != "INITIATED" and not later):
                yield "confirmed as INITIATED, and it had been heard to be otherwise"
    elif not states & {"ALERTING", "ACTIVE"}:
        yield f"confirmed as {outcome.stage}, and it never rang"


def _shown_initiated(
    account: Account, asked: Asked, row: Sequence[tuple[float, View]], since: float
) -> bool:
    """Say whether a GET that was answered since then may have shown the new call INITIATED."""
    ends = [at for at, _ in row[1:]] + [float("inf")]
    there = [
        (at, end) for (at, view), end in zip(row, ends, strict=True) if view.state == "INITIATED"
    ]
    assert asked.settled is not None
    return any(
        got.path.endswith(f"/{asked.agent}/Dialogs")
        and got.status == HTTPStatus.OK
        and got.answered is not None
        and since <= got.answered <= asked.settled + EPS
        and any(at <= got.answered and got.sent < end for at, end in there)
        for got in account.gets
    )


def _one_change_each(account: Account) -> Iterator[Find]:
    """One untagged change confirms one request at most."""
    by_agent: dict[str, list[Asked]] = {}
    for asked in account.asked:
        one = isinstance(asked.request, (*effects.ONE_EACH, do.UserRequest))
        if one and isinstance(asked.outcome, Confirmed):
            by_agent.setdefault(asked.agent, []).append(asked)
    for group in by_agent.values():
        taken: dict[tuple[object, ...], Asked] = {}
        group.sort(key=lambda a: a.outcome.evidence in WEAK)  # type: ignore[union-attr]
        for asked in group:
            if asked.outcome.evidence in WEAK and not _place(account, asked, taken, set()):  # type: ignore[union-attr]
                yield Find("wrong", asked, "one change confirmed more than one request")
            elif asked.outcome.evidence not in WEAK:  # type: ignore[union-attr]
                taken |= dict.fromkeys(_own_units(account, asked), asked)


def _own_units(account: Account, asked: Asked) -> list[tuple[object, ...]]:
    """Return the changes that were its own work, by Finesse's record."""
    deed = asked.deed
    if deed is None or deed.effect_at is None:
        return []
    return [
        span.unit
        for span in effects.spans(asked, account)
        if abs(span.begin - deed.effect_at) < EPS or span.unit == (deed.new_dialog_id,)
    ]


def _place(
    account: Account,
    asked: Asked,
    taken: dict[tuple[object, ...], Asked],
    tried: set[tuple[object, ...]],
) -> bool:
    assert asked.settled is not None
    begun = since(account, asked)
    units = {
        span.unit
        for span in effects.spans(asked, account)
        if begun - EPS <= span.begin <= asked.settled + EPS
    }
    if not units:
        return True  # said elsewhere
    for unit in sorted(units - tried, key=str):
        tried.add(unit)
        holder = taken.get(unit)
        if holder is not None and holder.outcome.evidence not in WEAK:  # type: ignore[union-attr]
            continue
        if holder is None or _place(account, holder, taken, tried):
            taken[unit] = asked
            return True
    return False


# -- failed, presumed, rejected -----------------------------------------------------------------


def _failed(account: Account, asked: Asked, outcome: Failed) -> Iterator[str]:
    deed = asked.deed
    if isinstance(asked.request, do.UpdateCallData) and not outcome.errors:
        if _values_there(account, asked):
            yield "failed, and its values were there"
        return
    if deed is not None and deed.effect is False:
        return
    if outcome.evidence is Evidence.SOLE_PENDING and blame.entitled(account, asked):
        return  # nobody could tell it from its own: counted in the report
    if grounds.another_call_failed(account, asked):
        return
    done = "never reached Finesse" if deed is None else "was not refused"
    yield f"{'an error of another' if outcome.errors else 'failed'}, and it {done}"


def _values_there(account: Account, asked: Asked) -> bool:
    """Say whether what was to be written was there to the letter, cut short by nobody."""
    assert asked.settled is not None
    begun = asked.submitted if asked.begun is None else asked.begun
    return any(
        span.begin <= asked.settled and span.end > begun
        for span in effects.spans(asked, account, exact=True)
    )


def _presumed(account: Account, asked: Asked) -> Iterator[str]:
    assert asked.settled is not None
    deed, begun = asked.deed, asked.submitted if asked.begun is None else asked.begun
    if not isinstance(asked.request, SILENT):
        yield "presumed, and silence is not its answer"
    if deed is None or not asked.accepted:
        yield "presumed without Finesse's 202"
    if not account.whole(asked.agent, begun, asked.settled):
        yield "presumed, and no session stood all the time"
    if asked.mode not in {"submit", "forward", "expect", "late"}:
        yield "presumed, and its caller never reported"
    if any(_suspects(account, asked, heard) for heard in account.heard):
        yield "presumed, and it was suspect of an unsigned error"
    for parcel in account.parcels:
        mine = deed is not None and parcel.cause is deed and parcel.is_error
        if mine and any(at < asked.settled - FENCE for at in parcel.published):
            yield "presumed, and its error had been published"
        elif mine and parcel.heard and parcel.heard[0][0] <= asked.settled:
            yield "presumed, and its error had been read"


def _suspects(account: Account, asked: Asked, heard: Heard) -> bool:
    """Say whether an unsigned error that was read may be its own: a suspect is not presumed (6.6).

    Whoever else may own it is a suspect beside it, and takes nothing from it.
    """
    begun = asked.submitted if asked.begun is None else asked.begun
    assert asked.settled is not None
    return (
        isinstance(heard.event, RequestFailed)
        and heard.first  # a repeat is no news (4)
        and heard.event.request_id is None
        and heard.event.owner == asked.agent
        and begun + EPS <= heard.at <= asked.settled + ONE_CLOCK  # none of the moment it left
        and blame.fits(account, asked, heard)
    )


def _rejected(asked: Asked, outcome: Rejected) -> Iterator[str]:
    deed = asked.deed
    if outcome.reason in NEVER_LEFT:
        if deed is not None:
            yield "said not to have been sent, and Finesse received it"
    elif deed is None or deed.effect is not False:
        yield "rejected, and Finesse did not refuse it"
    elif deed.status is None:
        yield "rejected, and Finesse gave no answer"


# -- promises -------------------------------------------------------------------------------------


CHECKS = (
    ("law", laws.broken),
    ("wrong", _said),
    ("wrong", facts.untrue),
    ("misgiven", whose.misgiven),
    ("misgiven", whose.mislaid),
)


def _overdue(account: Account, asked: Asked) -> Iterator[str]:
    """Let no deadline be extended (7); a window of silence has the fence behind it (6.6).

    Whose window had not begun, behind another one's, is asked for that one.
    """
    end = asked.settled or account.ended
    if any((other.settled or account.ended) >= end for other in lanes.ahead(account, asked)):
        return
    bound = asked.deadline
    if isinstance(asked.request, SILENT):
        begin = lanes.window_of(account, asked) if asked.accepted else asked.submitted
        whole = table.window(asked.request) + FENCE if asked.accepted else 0.0
        bound = max(bound, begin + max(asked.length, whole))
    for killed, started in account.restarts:
        if killed <= bound:
            bound = max(bound, started + (FENCE if isinstance(asked.request, SILENT) else 0.0))
    bound += EPS + FENCE - 2.0  # over real sockets the fence's two seconds are more, by the lag
    if asked.settled is None and account.ended > bound:
        yield f"no outcome at {account.ended - asked.deadline:.1f} s past its deadline"
    elif asked.settled is not None and asked.settled > bound:
        yield f"its outcome came {asked.settled - asked.deadline:.3f} s past its deadline"
