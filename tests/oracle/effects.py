"""When was it true what a request asked for? From the switch's history alone, written anew.

Nothing here comes from the correlator, nor from what it expects. `spans` gives the times at which
the effect was there; each has a `unit`, so that one change is not counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from listener.finesse import actions as do
from listener.finesse.events import DialogAdded, DialogEvent
from tests.oracle.account import OFF, Account, Asked, Person, View

if TYPE_CHECKING:
    from tests.oracle.account import History

ENDLESS = float("inf")
TOGETHER = 0.0005  # seconds: what happens within them happens at once
LEFT = frozenset({"DROPPED", "WRAP_UP", "CLOSED", None})
SOON = 0.5  # seconds in which what Finesse did is seen in the history
BY_ID = (do.TaskTransfer, do.TaskClose, do.SendDtmf, do.StartRecording)
"""What shows nowhere, or looks like something else: only Finesse's own record tells."""


class Span(NamedTuple):
    """From when to when an effect was there (`end` is not in it), and which change made it so."""

    begin: float
    end: float
    unit: tuple[Any, ...]


def digits(number: str | None) -> str:
    """Return a number without what people write between its digits."""
    return "".join(sign for sign in number or "" if sign not in " -().")


def _row(
    name: str, row: Sequence[tuple[float, Any]], holds: Callable[[Any], bool]
) -> Iterator[Span]:
    begin: float | None = None
    for at, seen in row:
        if holds(seen) and begin is None:
            begin = at
        elif not holds(seen) and begin is not None:
            yield Span(begin, at, (name, begin))
            begin = None
    if begin is not None:
        yield Span(begin, ENDLESS, (name, begin))


def family(history: History, dialog: str | None, until: float = ENDLESS) -> list[str]:
    """Return a dialog and those that it became until then, by the ids that the switch gave them."""
    found = [dialog] if dialog else []
    for id_ in found:
        for other, row in history.calls.items():
            if other not in found and any(
                at <= until and view.secondary == id_ for at, view in row
            ):
                found.append(other)
    return found


def _on_family(asked: Asked, account: Account, holds: Callable[[View], bool]) -> list[Span]:
    """Return when it was so on the request's dialog, or on one that this had become by its end."""
    history = account.history
    until = ENDLESS if asked.settled is None else asked.settled + TOGETHER
    return [
        span
        for id_ in family(history, asked.request.dialog_id, until)
        for span in _row(id_, history.calls.get(id_, ()), holds)
    ]


def _own(*states: str) -> Callable[[Asked, Account], list[Span]]:
    def when(asked: Asked, account: Account) -> list[Span]:
        return _on_family(asked, account, lambda view: view.parties.get(asked.own) in states)

    return when


def _task(*states: str) -> Callable[[Asked, Account], list[Span]]:
    def when(asked: Asked, account: Account) -> list[Span]:
        return _on_family(asked, account, lambda view: view.parties.get(asked.agent) in states)

    return when


def _left(asked: Asked, account: Account) -> list[Span]:
    """Off the call, whatever it is called now: on all calls of the family."""
    history = account.history
    ids = family(history, asked.request.dialog_id)
    times = sorted({at for id_ in ids for at, _ in history.calls.get(id_, ())})
    row = [(at, _off_all(history, ids, asked.own, at)) for at in times]
    return list(_row(ids[0] if ids else "", row, bool))


def _off_all(history: History, ids: list[str], own: str, at: float) -> bool:
    views = [view for id_ in ids if (view := history.at(id_, at)) is not None]
    return bool(views) and all(view.over or view.parties.get(own) in LEFT for view in views)


def _since(asked: Asked, account: Account) -> Iterator[tuple[str, list[tuple[float, View]]]]:
    """Yield the calls of the asking device that were made since it was asked.

    One that nobody had told of at sending is not in the baseline, and new as well (6.1); one that
    was read to have come with another client's id is that one's.
    """
    begun = asked.submitted if asked.begun is None else asked.begun
    for id_, row in account.history.calls.items():
        if not row or row[0][1].sender != asked.own or came_with_another_id(account, asked, id_):
            continue
        if row[0][0] >= asked.submitted or not _told(account, asked, id_, begun):
            yield id_, row


def told(account: Account, asked: Asked, id_: str) -> bool:
    """Say whether the agent's session had told of a call when it was asked."""
    row = account.history.calls.get(id_, [])
    begun = asked.submitted if asked.begun is None else asked.begun
    return bool(row) and _told(account, asked, id_, begun)


def _told(account: Account, asked: Asked, id_: str, begun: float) -> bool:
    """Say whether the agent's session had told of a call by then: by event, or by its picture.

    A picture shows what is on the agent's own list; a colleague's call is on none.
    """
    read = any(
        heard.agent == asked.agent
        and heard.at <= begun
        and getattr(heard.event, "dialog_id", None) == id_
        for heard in account.heard
    )
    row = account.history.calls.get(id_, ())
    listed = min((at for at, view in row if asked.agent in view.listed), default=ENDLESS)
    return read or any(listed <= at <= begun for at, _ in account.live.get(asked.agent, ()))


def came_with_another_id(account: Account, asked: Asked, id_: str) -> bool:
    """Say whether a call's first event, read while the request was open, bore a stranger's id."""
    begun = asked.submitted if asked.begun is None else asked.begun
    ended = float("inf") if asked.settled is None else asked.settled
    if any(killed <= ended and started >= begun for killed, started in account.restarts):
        return False  # what was read before that is not kept
    ours = {other.request_id for other in account.asked}
    return any(
        heard.agent == asked.agent
        and begun <= heard.at <= ended
        and isinstance(heard.event, DialogAdded)
        and heard.event.dialog_id == id_
        and heard.event.request_id not in {None, *ours}
        and heard.event.dialog.state in {"INITIATING", "INITIATED"}
        for heard in account.heard
    )


def to_number(asked: Asked, account: Account) -> Iterator[tuple[str, list[tuple[float, View]]]]:
    """Yield the calls that may be the one to be made, but for an id: from there, to that number."""
    assert isinstance(asked.request, do.MakeCall | do.ConsultCall)
    wanted = digits(asked.request.to_address)
    for id_, row in _since(asked, account):
        if any(wanted in {digits(number) for number in view.numbers} for _, view in row):
            yield id_, row


def _call(asked: Asked, account: Account) -> list[Span]:
    request = asked.request
    assert isinstance(request, do.MakeCall | do.ConsultCall)
    wanted, deed = digits(request.to_address), asked.deed
    found = []
    for id_, row in _since(asked, account):
        mine = deed is not None and deed.new_dialog_id == id_

        def there(view: View, mine: bool = mine) -> bool:  # noqa: FBT001  bound in a loop
            named = wanted in {digits(number) for number in view.numbers}
            tied = isinstance(request, do.MakeCall) or view.call_type == "CONSULT"
            stage = view.state in {"INITIATED", "ALERTING", "ACTIVE"}
            return stage and (mine or (named and tied)) and view.kind == "voice"

        found += [span._replace(unit=(id_,)) for span in _row(id_, row, there)]
    return found


def _monitor(asked: Asked, account: Account) -> list[Span]:
    request = asked.request
    assert isinstance(request, do.SilentMonitor)
    return [
        span._replace(unit=(id_,))
        for id_, row in _since(asked, account)
        for span in _row(
            id_,
            row,
            lambda view: (
                view.kind == "monitor"
                and view.parties.get(asked.own) == "ACTIVE"
                and request.to_address in view.present | view.numbers
            ),
        )
    ]


def _barged(asked: Asked, account: Account) -> list[Span]:
    request = asked.request
    assert isinstance(request, do.BargeCall)

    def in_it(view: View) -> bool:
        there = request.to_address in view.present and view.parties.get(asked.own) == "ACTIVE"
        return there and len(view.present) > 2 and view.kind == "voice"

    return [span for id_, row in account.history.calls.items() for span in _row(id_, row, in_it)]


def _pairs(asked: Asked, history: History) -> Iterator[tuple[str, str]]:
    """Yield (survivor, gone) of every join that the asking agent's call was part of."""
    dialog = asked.request.dialog_id
    for id_, row in history.calls.items():
        for gone in sorted({view.secondary for _, view in row if view.secondary is not None}):
            if dialog in {id_, gone}:
                yield id_, gone


def _parties(history: History, asked: Asked, *ids: str) -> frozenset[str]:
    """Return who else was on those calls when it went out."""
    begun = asked.submitted if asked.begun is None else asked.begun
    views = [history.at(id_, begun) for id_ in ids]
    return frozenset(
        who for view in views if view is not None for who in view.present if who != asked.own
    )


def live_calls(asked: Asked, account: Account) -> dict[str, View]:
    """Return the calls that the asking device was on when it went out; a watch is none of them.

    Those that were joined by then are two yet, if nobody had told of that: so they were known (4).
    """
    before = _just_before(asked, account)
    now = {id_: account.history.at(id_, before) for id_ in account.history.calls}
    return {
        id_: view
        for id_, view in now.items()
        if view is not None and not view.over and view.parties.get(asked.own) not in OFF
        if view.kind == "voice"
    }


def _just_before(asked: Asked, account: Account) -> float:
    begun = asked.submitted if asked.begun is None else asked.begun
    joined = [
        ({survivor, gone}, _when_joined(account.history, survivor, gone))
        for survivor, gone in _pairs(asked, account.history)
    ]
    untold = [
        at for pair, at in joined if at <= begun and not _read_by(account, asked, pair, at, begun)
    ]
    return min([begun, *untold]) - TOGETHER


def _when_joined(history: History, survivor: str, gone: str) -> float:
    """Return when a call took another one in; what befalls it later is no join."""
    return next(at for at, view in history.calls[survivor] if view.secondary == gone)


def _read_by(account: Account, asked: Asked, ids: set[str], since: float, end: float) -> bool:
    """Say whether news of those dialogs from that time on, or a picture, had been read by then.

    How a dialog is, an error does not show.
    """
    return any(since <= a <= end for a, _ in account.live.get(asked.agent, ())) or any(
        heard.agent == asked.agent
        and heard.at <= end
        and heard.parcel.made >= since
        and isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id in ids
        for heard in account.heard
    )


def partners(asked: Asked, account: Account) -> list[str]:
    """Return the calls of which one is the other one of a join (6.4), as they were at sending.

    The one that is linked to it by associatedDialogUri, else the agent's only other live one. With
    several and no link any of them may have been meant.
    """
    dialog = asked.request.dialog_id
    live = {id_: view for id_, view in live_calls(asked, account).items() if id_ != dialog}
    mine = account.history.at(dialog, _just_before(asked, account))
    linked = [
        id_
        for id_, view in live.items()
        if view.associated == dialog or (mine is not None and mine.associated == id_)
    ]
    return linked or list(live)


def _right(asked: Asked, account: Account, pair: set[str], at: float) -> bool:
    """Say whether those two calls are the ones that it asked to join.

    What Finesse joined for this request is; what another did is, if they are the same two calls.
    """
    history, dialog, deed = account.history, asked.request.dialog_id, asked.deed
    if deed is not None and deed.effect is True and abs((deed.effect_at or 0.0) - at) < SOON:
        return dialog in pair
    before = at - TOGETHER
    ours = set(family(history, dialog, before))
    theirs = {id_ for other in partners(asked, account) for id_ in family(history, other, before)}
    return any(pair == {one, two} for one in ours for two in theirs - ours)


def _both(account: Account, asked: Asked, pair: set[str], view: View, at: float) -> bool:
    """Say whether somebody of each of the two calls is on the one that is left (6.4)."""
    for id_ in pair:
        was = account.history.at(id_, at - TOGETHER)
        side = was.present - {asked.own} if was is not None else frozenset()
        if side and not side & view.present:
            return False
    return len(view.present - {asked.own}) > 1 or bool(view.twice - {asked.own})


def joins(asked: Asked, account: Account) -> Iterator[tuple[str, str, float]]:
    """Yield (survivor, gone, when) of each join of the two calls that it asked to join (6.4)."""
    for survivor, gone in _pairs(asked, account.history):
        at = _when_joined(account.history, survivor, gone)
        if _right(asked, account, {survivor, gone}, at):
            yield survivor, gone, at


def _joined(asked: Asked, account: Account, *, stays: bool) -> list[Span]:
    found = []
    for survivor, gone, at in joins(asked, account):

        def so(view: View, gone: str = gone, survivor: str = survivor, at: float = at) -> bool:
            own = view.parties.get(asked.own)
            if view.secondary != gone:
                return False
            fits = own == "ACTIVE" if stays else own in LEFT
            return fits and _both(account, asked, {survivor, gone}, view, at)

        row = account.history.calls[survivor]
        found += [span._replace(unit=(survivor, gone)) for span in _row(survivor, row, so)]
    return found


def _transferred(asked: Asked, account: Account) -> list[Span]:
    return _joined(asked, account, stays=False)


def left_together(asked: Asked, account: Account) -> list[Span]:
    """Return when the parties of both calls of a TRANSFER were on one call that the agent had left.

    On whatever call that was, and by whom it came to be so (6.4): the two may have been joined by a
    conference, and that one been transferred to a third.
    """
    history, dialog, found = account.history, asked.request.dialog_id, []
    first = _parties(history, asked, dialog) if dialog else frozenset()
    for other in partners(asked, account):
        second = _parties(history, asked, other)
        both = first | second
        if both in {first, second}:
            continue

        def so(view: View, both: frozenset[str] = both) -> bool:
            return view.parties.get(asked.own) in LEFT and both <= view.present

        for id_ in family(history, dialog):
            found += _row(id_, history.calls.get(id_, ()), so)
    return found


def _conferenced(asked: Asked, account: Account) -> list[Span]:
    """Be joined, by whom and under which id ever: with the parties of both calls (6.4)."""
    history, dialog = account.history, asked.request.dialog_id
    first = _parties(history, asked, dialog) if dialog else frozenset()
    found = _joined(asked, account, stays=True)
    for other in partners(asked, account):
        second = _parties(history, asked, other)
        both = first | second
        if both in {first, second}:
            continue

        def so(view: View, both: frozenset[str] = both) -> bool:
            return view.parties.get(asked.own) == "ACTIVE" and both <= view.present

        for id_ in filter(None, (dialog, other)):
            row = history.calls.get(id_, ())
            found += [span._replace(unit=(id_, other)) for span in _row(id_, row, so)]
    return found


def _sent_away(asked: Asked, account: Account) -> list[Span]:
    request = asked.request
    assert isinstance(request, do.TransferSst)
    target = request.to_address

    def arrived(view: View) -> bool:
        off = view.parties.get(asked.own) in LEFT
        return off and (target in view.parties and view.parties[target] not in LEFT)

    return _on_family(asked, account, arrived)


def wanted(asked: Asked) -> dict[str, str | None]:
    """Return the values that an UPDATE_CALL_DATA asks for, by name."""
    request = asked.request
    assert isinstance(request, do.UpdateCallData)
    values: dict[str, str | None] = dict(request.variables)
    if request.wrap_up_reason is not None:
        values["wrapUpReason"] = request.wrap_up_reason
    return values


def _data(asked: Asked, account: Account, *, exact: bool = False) -> list[Span]:
    values = wanted(asked)

    def value_there(name: str, value: str | None, now: str | None) -> bool:
        cut = name.startswith("user.") and bool(now) and (value or "").startswith(now or "")
        return now == value or (cut and not exact)

    def there(view: View) -> bool:
        return all(value_there(n, v, view.values.get(n)) for n, v in values.items())

    return _on_family(asked, account, there)


def _party_gone(asked: Asked, account: Account) -> list[Span]:
    request = asked.request
    assert isinstance(request, do.ParticipantDrop)
    return _on_family(
        asked, account, lambda view: view.parties.get(request.target_media_address) in OFF
    )


def _reservation_over(asked: Asked, account: Account) -> list[Span]:
    """Decided against: it is gone, and was never accepted."""
    row = account.history.calls.get(asked.request.dialog_id or "", ())
    if any(view.parties.get(asked.own) == "ACCEPTED" for _, view in row):
        return []
    return list(
        _row(asked.request.dialog_id or "", row, lambda v: v.parties.get(asked.own) in LEFT)
    )


def _classified(asked: Asked, account: Account) -> list[Span]:
    request = asked.request
    assert isinstance(request, do.Reclassify)
    value = request.outbound_classification
    return _on_family(asked, account, lambda view: view.values.get("BAResponse") == value)


def _promised(asked: Asked, account: Account) -> list[Span]:
    request = asked.request
    assert isinstance(request, do.UpdateScheduledCallback)
    time, number = request.callback_time, request.callback_number
    return _on_family(
        asked,
        account,
        lambda v: time in {None, v.callback[0]} and number in {None, v.callback[1]},
    )


def _no_promise(asked: Asked, account: Account) -> list[Span]:
    return _on_family(asked, account, lambda view: view.callback == (None, None))


def _person(asked: Asked, account: Account) -> list[Span]:
    """In the state asked for, or it is promised; each new time of it is a change of its own."""
    request = asked.request
    reason = getattr(request, "reason_code_id", None)
    extension = getattr(request, "extension", None)
    wanted = "NOT_READY" if isinstance(request, do.SignIn) else request.requested_action
    row = account.history.people.get(asked.agent, ())

    def there(person: Person) -> bool:
        return extension is None or person.extension == extension

    def now(person: Person) -> bool:
        return there(person) and person.state == wanted and reason in {None, person.reason}

    found = [
        Span(
            at,
            row[index + 1][0] if index + 1 < len(row) else ENDLESS,
            (asked.agent, at, person.state),
        )
        for index, (at, person) in enumerate(row)
        if now(person)
    ]
    promised = _row(asked.agent, row, lambda p: there(p) and p.pending == wanted)
    again = [  # promised anew: nothing but its time is another one
        Span(at, next_, (asked.agent, at))
        for (_, was), (at, person), next_ in zip(
            row, row[1:], [*(at for at, _ in row[2:]), ENDLESS], strict=False
        )
        if there(person) and person.pending == wanted == was.pending and person.state == was.state
    ]
    return [*found, *(span._replace(unit=(asked.agent, span.begin)) for span in promised), *again]


_WHEN: dict[type[do.Request], Callable[[Asked, Account], list[Span]]] = {
    do.Hold: _own("HELD"),
    do.Retrieve: _own("ACTIVE"),
    do.Answer: _own("ACTIVE"),
    do.PreviewAccept: _own("ACCEPTED"),
    do.Drop: _left,
    do.MakeCall: _call,
    do.ConsultCall: _call,
    do.SilentMonitor: _monitor,
    do.BargeCall: _barged,
    do.Transfer: _transferred,
    do.Conference: _conferenced,
    do.TransferSst: _sent_away,
    do.UpdateCallData: _data,
    do.ParticipantDrop: _party_gone,
    do.PreviewClose: _reservation_over,
    do.PreviewReject: _reservation_over,
    do.Reclassify: _classified,
    do.UpdateScheduledCallback: _promised,
    do.CancelScheduledCallback: _no_promise,
    do.TaskAccept: _task("ACCEPTED"),
    do.TaskStart: _task("ACTIVE"),
    do.TaskPause: _task("PAUSED"),
    do.TaskResume: _task("ACTIVE"),
    do.TaskWrapUp: _task("WRAPPING_UP"),
    do.UserRequest: _person,
}

ONE_EACH = (
    *(do.Hold, do.Retrieve, do.Answer, do.MakeCall, do.ConsultCall, do.SilentMonitor),
    *(do.PreviewAccept, do.TaskAccept, do.TaskStart, do.TaskPause, do.TaskResume),
    do.TaskWrapUp,
)
"""Requests of which one change is at most one's."""


def spans(asked: Asked, account: Account, *, exact: bool = False) -> list[Span]:
    """Return when the effect of a request was there, in the whole run.

    `exact`: values that were cut short do not count.
    """
    if exact:
        return _data(asked, account, exact=True)
    found = next((when for kind, when in _WHEN.items() if isinstance(asked.request, kind)), None)
    return [] if found is None else found(asked, account)
