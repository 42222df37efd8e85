"""When does a dialog or a user show what a request asked for? Written anew, on purpose.

The judge needs an opinion of its own: nothing here comes from the correlator's judges. A request
whose effect looks like something else (a hang-up, another button) is in `NEEDS_ID`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from listener.demo.cases import GONE, Case, View
from listener.finesse import actions as do
from listener.finesse.events import DialogEvent, DialogRemoved, Event, UserChanged

if TYPE_CHECKING:
    from listener.finesse.model import User

Look = Callable[[Any, str, View], bool]
_WHOLE_CONFERENCE = 3

NEEDS_ID: tuple[type[do.Request], ...] = (
    do.TransferSst,
    do.Transfer,
    do.TaskTransfer,
    do.TaskClose,
)
"""Their end looks like a hang-up (or like each other) unless an event carries our id."""

NEW_CALLS = (do.MakeCall, do.ConsultCall, do.SilentMonitor, do.BargeCall)
"""They act on a dialog that the truth names."""

SILENT = (do.SendDtmf, do.StartRecording)
"""No event tells of success."""

_ENDS: tuple[type[do.Request], ...] = (do.PreviewClose, do.PreviewReject, do.Drop, *NEEDS_ID)


def _own(*states: str) -> Look:
    return lambda _request, own, view: view.parties.get(own) in states


def _task(state: str) -> Look:
    return lambda _request, _own, view: state in {view.state, *view.parties.values()}


def _call(_request: object, own: str, view: View) -> bool:
    return view.state in {"ALERTING", "ACTIVE"} and own in view.present


def _monitor(_request: object, own: str, view: View) -> bool:
    return view.kind == "SUPERVISOR_MONITOR" and view.parties.get(own) == "ACTIVE"


def _joined(_request: object, own: str, view: View) -> bool:
    return view.parties.get(own) == "ACTIVE" and len(view.present) >= _WHOLE_CONFERENCE


def _party_gone(request: do.ParticipantDrop, _own: str, view: View) -> bool:
    return request.target_media_address not in view.present


def _values(request: do.UpdateCallData, _own: str, view: View) -> bool:
    wanted: dict[str, str | None] = dict(request.variables)
    if request.wrap_up_reason is not None:
        wanted["wrapUpReason"] = request.wrap_up_reason
    items = request.wrap_up_items
    same = all(view.values.get(name) == value for name, value in wanted.items())
    return same and (items is None or frozenset(items) == view.items)


def _classified(request: do.Reclassify, _own: str, view: View) -> bool:
    return view.values.get("BAResponse") == request.outbound_classification


def _promised(request: do.UpdateScheduledCallback, _own: str, view: View) -> bool:
    return view.callback == (request.callback_time, request.callback_number)


_SHOWS: dict[type[do.Request], Look] = {
    do.Answer: _own("ACTIVE"),
    do.Retrieve: _own("ACTIVE"),
    do.Hold: _own("HELD"),
    do.Drop: _own("DROPPED", "WRAP_UP"),
    do.MakeCall: _call,
    do.ConsultCall: _call,
    do.SilentMonitor: _monitor,
    do.BargeCall: _joined,
    do.Conference: _joined,
    do.ParticipantDrop: _party_gone,
    do.UpdateCallData: _values,
    do.PreviewAccept: _own("ACCEPTED"),
    do.Reclassify: _classified,
    do.UpdateScheduledCallback: _promised,
    do.CancelScheduledCallback: lambda _request, _own, view: view.callback == (None, None),
    do.TaskAccept: _task("ACCEPTED"),
    do.TaskStart: _task("ACTIVE"),
    do.TaskPause: _task("PAUSED"),
    do.TaskResume: _task("ACTIVE"),
    do.TaskWrapUp: _task("WRAPPING_UP"),
}


def _look_of(request: do.Request) -> Look | None:
    return next((look for kind, look in _SHOWS.items() if isinstance(request, kind)), None)


def target_of(case: Case) -> str | None:
    """Return the dialog on which the effect shows: the truth names it for a new call."""
    if isinstance(case.request, NEW_CALLS):
        return case.deed.new_dialog_id if case.deed else None
    return case.object_id


def view_shows(case: Case, view: View) -> bool:
    """Say whether that look at the request's dialog shows what was asked for."""
    look = _look_of(case.request)
    return look is not None and look(case.request, case.own, view)


def event_shows(case: Case, event: Event) -> bool:
    """Say whether an event proves the effect to somebody who knows that it is true."""
    if isinstance(event, UserChanged):
        return event.owner == case.agent and _user_shows(case.request, event.user)
    if not isinstance(event, DialogEvent) or event.dialog_id != target_of(case):
        return False
    if event.owner != case.agent:
        return _arrived(
            case, View.of_dialog(event.dialog), removed=isinstance(event, DialogRemoved)
        )
    if isinstance(event, DialogRemoved):
        tagged = event.request_id == case.request_id
        return isinstance(case.request, _ENDS) and (
            tagged or not isinstance(case.request, NEEDS_ID)
        )
    return view_shows(case, View.of_dialog(event.dialog))


def _arrived(case: Case, view: View, *, removed: bool) -> bool:
    """Somebody else of ours sees the call go on without us."""
    if removed or case.own in view.present:
        return False
    if isinstance(case.request, do.TransferSst):
        return case.request.to_address in view.present
    return isinstance(case.request, do.Transfer) and len(view.present) > 1


def _user_shows(request: do.Request, user: User) -> bool:
    if not isinstance(request, do.UserRequest):
        return False
    wanted = "NOT_READY" if isinstance(request, do.SignIn) else request.requested_action
    return wanted in {user.state, user.pending_state}


def call_failed(case: Case, event: Event) -> bool:
    """Say whether an event shows that the call which was to be made went FAILED."""
    if not isinstance(event, DialogEvent) or not isinstance(case.request, NEW_CALLS):
        return False
    view = View.of_dialog(event.dialog)
    return event.dialog_id == target_of(case) and "FAILED" in {
        view.state,
        view.parties.get(case.own),
    }


def set_in_part(case: Case, event: Event) -> bool:
    """Say whether an event shows some of the values asked for, and not the others."""
    request = case.request
    if not isinstance(request, do.UpdateCallData) or not isinstance(event, DialogEvent):
        return False
    if event.dialog_id != case.object_id:
        return False
    view = View.of_dialog(event.dialog)
    there = {name for name, value in request.variables if view.values.get(name) == value}
    return 0 < len(there) < len(request.variables)


def own_state(case: Case, event: Event) -> str | None:
    """Return the state of the requester's participant on the request's dialog, if it shows one."""
    if not isinstance(event, DialogEvent) or event.dialog_id != case.object_id:
        return None
    state = View.of_dialog(event.dialog).parties.get(case.own)
    return None if state in GONE else state
