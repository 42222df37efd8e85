"""What an outcome says beside its word: ids, stage, values, the cause of a failure.

Judged against Finesse's record. The numbers are those of the rules' sections.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

from listener.correlation.outcome import Confirmed, Evidence, Failed
from listener.finesse import actions as do
from listener.finesse.events import DialogEvent, DialogRemoved
from tests.oracle import effects

if TYPE_CHECKING:
    from listener.correlation.outcome import Outcome
    from tests.oracle.account import Account, Asked, View

EPS = 0.001
STATES = (do.Hold, do.Retrieve, do.Answer, do.PreviewAccept)
MAKES = (do.MakeCall, do.ConsultCall, do.SilentMonitor)
JOINS = (do.Transfer, do.Conference)


def untrue(account: Account, asked: Asked) -> Iterator[str]:
    """Yield what is not true of what an outcome says beside its word."""
    outcome = asked.outcome
    assert outcome is not None
    if isinstance(outcome, Confirmed | Failed):
        yield from _ids(account, asked, outcome)
        yield from _stage(account, asked, outcome)
    if isinstance(asked.request, do.UpdateCallData) and isinstance(outcome, Confirmed | Failed):
        yield from _values(account, asked, outcome)
    if isinstance(outcome, Failed) and not outcome.errors:
        yield from _cause(account, asked, outcome)


# -- ids --------------------------------------------------------------------------------------


def _ids(account: Account, asked: Asked, outcome: Confirmed | Failed) -> Iterator[str]:
    dialogs, request = outcome.dialogs, asked.request
    made = isinstance(request, MAKES)
    if made and outcome.kind == "confirmed" and dialogs.new is None:
        yield "confirmed, and the new call's id is not told"
    if dialogs.new is not None and not made:
        yield f"a new call {dialogs.new}, and none was asked for"
    yield from _read_ids(account, asked, outcome)
    if isinstance(outcome, Confirmed):
        yield from _changed_ids(account, asked, outcome)


def _changed_ids(account: Account, asked: Asked, outcome: Confirmed) -> Iterator[str]:
    dialogs, request, end = outcome.dialogs, asked.request, asked.settled or 0.0
    if isinstance(request, JOINS):
        yield from _joined(account, asked, outcome)
    elif isinstance(request, do.TransferSst | do.BargeCall):
        spans = effects.spans(asked, account)
        there = any(s.unit[0] == dialogs.survivor and s.begin <= end + EPS for s in spans)
        if dialogs.survivor is not None and not there:
            yield f"survivor {dialogs.survivor}, and it was not so there"
    elif dialogs.survivor is not None or dialogs.gone:
        yield f"ids {dialogs} of a request that changes none"
    for gone in dialogs.gone:
        if not _is_gone(account, asked, gone, end):
            yield f"{gone} is said to be gone, and it is there"


def _read_ids(account: Account, asked: Asked, outcome: Outcome) -> Iterator[str]:
    """No id is told that no session of ours had read, or had been told by a GET (6.5)."""
    told = outcome.dialogs
    known = {asked.request.dialog_id}
    end = (asked.settled or 0.0) + EPS
    for heard in account.heard:
        if heard.at <= end and isinstance(heard.event, DialogEvent):
            known |= {heard.event.dialog_id, heard.event.dialog.secondary_id}
    looked = any(got.answered is not None and got.answered <= end for got in account.gets)
    for id_ in filter(None, (told.survivor, told.new, *told.gone)):
        if id_ not in known and not (looked and id_ in account.history.calls):
            yield f"{id_} is told, and nobody had told of it"


def _joined(account: Account, asked: Asked, outcome: Confirmed) -> Iterator[str]:
    """Check the ids of a join: of the two calls that were asked for, and of no others (6.4)."""
    survivor, gone = outcome.dialogs.survivor, set(outcome.dialogs.gone)
    joins = {(left, other) for left, other, _ in effects.joins(asked, account)}
    joins |= {span.unit for span in effects.spans(asked, account)}
    said = gone | ({survivor} if survivor is not None else set())
    taken = _taken_in(account, asked, survivor, joins)
    if any(_of_the_pair(account, asked, gone, set(pair)) for pair in taken):
        return
    if survivor is not None and survivor not in {left for left, _ in joins}:
        yield f"survivor {survivor}, and the calls were not joined in it"
    elif not any(_of_the_pair(account, asked, said, set(pair)) for pair in joins):
        yield f"{sorted(said)} joined, and they were not"


def _taken_in(
    account: Account, asked: Asked, survivor: str | None, joins: set[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    """Yield the joins whose survivor had become that third call when it was told (6.3)."""
    for pair in joins if survivor is not None else ():
        left, end = pair[0], (asked.settled or 0.0) + EPS
        if survivor not in pair and survivor in effects.family(account.history, left, end):
            yield pair


def _of_the_pair(account: Account, asked: Asked, said: set[str], pair: set[str]) -> bool:
    """Say whether each id that is told stands for another one of the two calls (6.4).

    It is one of them, or had become it before the request went out: those are then one call.
    """
    begun = (asked.submitted if asked.begun is None else asked.begun) + EPS
    stands = [pair & set(effects.family(account.history, id_, begun)) for id_ in sorted(said)]
    if any(not members for members in stands):
        return False
    return any(len(set(chosen)) == len(said) for chosen in product(*stands))


def _is_gone(account: Account, asked: Asked, id_: str, end: float) -> bool:
    """Say whether a call is over, taken in by another, or off the agent's list.

    Who is on a call twice is on it when one of the two has left; a DELETE tells of his list.
    """
    begun = asked.submitted if asked.begun is None else asked.begun
    deleted = any(
        isinstance(heard.event, DialogRemoved)
        and (heard.event.dialog_id, heard.event.owner) == (id_, asked.agent)
        and heard.parcel.made >= begun
        for heard in account.heard
        if heard.agent == asked.agent and heard.first and heard.at <= end + EPS
    )
    view = account.history.at(id_, end + EPS)
    named = any(
        at <= end + EPS and each.secondary == id_
        for row in account.history.calls.values()
        for at, each in row
    )
    off = view is None or view.over or view.parties.get(asked.own) in effects.LEFT
    return off or deleted or named


# -- how far ----------------------------------------------------------------------------------


def _stage(account: Account, asked: Asked, outcome: Confirmed | Failed) -> Iterator[str]:
    stage, request, end = outcome.stage, asked.request, (asked.settled or 0.0) + EPS
    if isinstance(outcome, Failed) or stage is None:
        if stage not in {None, "FAILED"}:
            yield f"failed at stage {stage}"
        return
    if isinstance(request, do.UserRequest):
        yield from _user_stage(account, asked, stage)
        return
    ids = effects.family(account.history, request.dialog_id)
    if isinstance(request, (*MAKES, do.BargeCall)):
        ids = [id_ for id_ in (outcome.dialogs.new, outcome.dialogs.survivor) if id_]
    own = asked.agent if isinstance(request, do.TaskRequest) else asked.own
    begun = asked.submitted if asked.begun is None else asked.begun
    seen: set[str | None] = set()
    for id_ in ids:
        for view in _between(account, id_, begun - 1.0, end):
            seen |= {view.state, view.parties.get(own)}
            alone = own in view.parties and own not in view.twice  # one of two may have left
            seen |= {"DROPPED"} if view.over or not alone else set()
    if stage not in seen:
        yield f"stage {stage}, and it was never there: {sorted(map(str, seen))}"


def _between(account: Account, id_: str, begin: float, end: float) -> Iterator[View]:
    row = account.history.calls.get(id_, [])
    for index, (at, view) in enumerate(row):
        until = row[index + 1][0] if index + 1 < len(row) else effects.ENDLESS
        if at <= end and until > begin:
            yield view


def _user_stage(account: Account, asked: Asked, stage: str) -> Iterator[str]:
    begun = min(asked.submitted, _known_since(account, asked))
    row = account.history.people.get(asked.agent, [])
    wanted = asked.request.requested_action
    end = (asked.settled or 0.0) + EPS
    there = [p for i, (at, p) in enumerate(row) if at <= end and _next(row, i) > begun - 1.0]
    if stage == "PENDING":
        if not any(person.pending == wanted for person in there):
            yield "stage PENDING, and it was not"
    elif not any(person.state == stage for person in there):
        yield f"stage {stage}, and the agent was never so"


def _next(row: list[tuple[float, object]], index: int) -> float:
    return row[index + 1][0] if index + 1 < len(row) else effects.ENDLESS


# -- values -----------------------------------------------------------------------------------


def _values(account: Account, asked: Asked, outcome: Confirmed | Failed) -> Iterator[str]:
    """6.7: which values were set, which were not, which were cut short; and what was there."""
    wanted = effects.wanted(asked)
    cut, missing, applied = map(set, (outcome.truncated, outcome.missing, outcome.applied))
    if isinstance(outcome, Failed) and outcome.errors:
        return
    if not (cut | missing | applied) <= wanted.keys() or missing & applied:
        yield f"applied {applied}, missing {missing} of {set(wanted)}"
    if isinstance(outcome, Confirmed) and (missing or applied != wanted.keys()):
        yield f"confirmed with applied {sorted(applied)}, missing {sorted(missing)}"
    if isinstance(outcome, Failed) and not missing:
        yield "failed, and no value is missing"
    for name in cut:
        if not name.startswith("user."):
            yield f"{name} is said to be cut short, and is not ECC"
    if not any(
        _as_told(view, wanted, applied - cut, cut, missing)
        for id_ in effects.family(account.history, asked.request.dialog_id)
        for view in _between(account, id_, _known_since(account, asked), asked.settled or 0.0)
    ):
        told = f"applied {sorted(applied)} cut {sorted(cut)} missing {sorted(missing)}"
        yield f"{told}, and the values were never so"
    yield from _changed(account, asked, outcome, wanted)


def _as_told(
    view: View, wanted: dict[str, str | None], whole: set[str], cut: set[str], missing: set[str]
) -> bool:
    now = view.values
    return (
        all(now.get(name) == wanted[name] for name in whole)
        and all(_is_cut(wanted[name], now.get(name)) for name in cut)
        and all(now.get(name) != wanted[name] for name in missing)
    )


def _is_cut(asked: str | None, now: str | None) -> bool:
    whole, part = (asked or "").encode(), (now or "").encode()
    return 0 < len(part) < len(whole) and whole.startswith(part)


def _known_since(account: Account, asked: Asked) -> float:
    """Return from when on what was so may have been shown: news of before may be on their way."""
    begun = asked.submitted if asked.begun is None else asked.begun
    coming = [
        heard.parcel.made
        for heard in account.heard
        if heard.agent == asked.agent and heard.at >= begun and heard.parcel.made < begun
    ]
    return min([begun, *coming]) - EPS


def _changed(
    account: Account, asked: Asked, outcome: Confirmed | Failed, wanted: dict[str, str | None]
) -> Iterator[str]:
    """Check `changed`: False only if the values were there at sending, True only if not (6.7)."""
    begun = asked.submitted if asked.begun is None else asked.begun
    view = account.history.at(asked.request.dialog_id, begun)
    if view is None or isinstance(outcome, Failed) or outcome.changed is None:
        return
    same = all(view.values.get(name) == value for name, value in wanted.items())
    moved = _known_since(account, asked) < begun - 2 * EPS or _moved(account, asked, begun)
    just = account.history.at(asked.request.dialog_id, begun - EPS)
    if just is not None and just.values != view.values:
        return  # they came in the moment in which it went out
    if outcome.changed is False and not same and not moved:
        yield "the values are said to have been there before, and were not"
    if outcome.changed is True and same and not moved and outcome.evidence is not Evidence.SNAPSHOT:
        yield "the values are said to have changed, and were there before"


def _moved(account: Account, asked: Asked, begun: float) -> bool:
    """Say whether the values became others in between, or lately: what was known was not so."""
    row = account.history.calls.get(asked.request.dialog_id or "", [])
    times = [
        at for (at, view), (_, was) in zip(row[1:], row, strict=False) if view.values != was.values
    ]
    deed = asked.deed
    done = deed.effect_at if deed is not None and deed.effect_at is not None else begun
    return any(begun - 25.0 <= at < done - EPS for at in times)


# -- why it failed ------------------------------------------------------------------------------


def _cause(account: Account, asked: Asked, outcome: Failed) -> Iterator[str]:
    """Check a call that failed: why it did, and by its id that it is the own (6.1).

    Without our id another call to that number may be taken for it, as a phone makes one.
    """
    if not isinstance(asked.request, MAKES):
        return
    new, deed = outcome.dialogs.new, asked.deed
    row = account.history.calls.get(new or "", [])
    failed = [view for at, view in row if at <= (asked.settled or 0.0) + EPS and _failed(view)]
    if not failed:
        yield f"call {new} is said to have FAILED, and did not"
    causes = frozenset[str]().union(*(view.causes for view in failed))
    if failed and outcome.state_cause not in {None, *causes}:
        yield f"cause {outcome.state_cause}, and it was {sorted(causes)}"
    # What a GET shows when our part is over tells no cause any more.
    last = failed[-1].parties.get(asked.own) if failed else None
    over = outcome.evidence is Evidence.SNAPSHOT and last != "FAILED"
    if outcome.state_cause is None and causes and not over:
        yield f"no cause, and it was {sorted(causes)}"
    tied = outcome.evidence is Evidence.REQUEST_ID and deed is not None
    if tied and deed.new_dialog_id not in {None, new}:
        yield f"failed with call {new}, and it made {deed.new_dialog_id}"


def _failed(view: View) -> bool:
    return "FAILED" in {view.state, *view.parties.values()}
