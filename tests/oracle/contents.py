"""Rules about what an outcome tells beside its kind: causes, values, ids and stages (6).

Written from the rules of evidence; nothing here comes from the correlator.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from listener.correlation.outcome import Confirmed, Evidence, Failed
from listener.finesse import actions as do
from listener.finesse.events import DialogEvent, DialogRemoved
from tests.oracle import effects, grounds
from tests.oracle.readings import alike, is_about, read_of, was_live

if TYPE_CHECKING:
    from listener.finesse.model import Dialog
    from tests.oracle.account import Account, Asked, Heard

EPS = 0.001
PROBE_LEAD = 3.0
WEAK = frozenset({Evidence.EXPECTATION, Evidence.SNAPSHOT})


def call(account: Account, asked: Asked) -> Iterator[str]:
    """Let a call that failed be told with its cause (6.1)."""
    outcome = asked.outcome
    calls = isinstance(asked.request, do.MakeCall | do.ConsultCall)
    if not calls or not isinstance(outcome, Failed) or outcome.errors:
        return
    assert asked.settled is not None
    causes = {
        party.state_cause
        for heard in read_of(account, asked, until=asked.settled)
        if isinstance(heard.event, DialogEvent) and heard.event.dialog_id == outcome.dialogs.new
        for party in heard.event.dialog.participants
        if party.state_cause
    }
    if causes and outcome.state_cause not in causes:
        yield "its call failed, and the cause was not told"


def _names(request: do.UpdateCallData) -> set[str]:
    names = {name for name, _ in request.variables}
    names |= {"wrapUpReason"} if request.wrap_up_reason is not None else set()
    return names | ({"wrapUpItems"} if request.wrap_up_items is not None else set())


def data(account: Account, asked: Asked) -> Iterator[str]:
    """Let it be told what was set, what is missing, and whether anything changed (6.7)."""
    outcome = asked.outcome
    if not isinstance(asked.request, do.UpdateCallData):
        return
    if isinstance(outcome, Failed) and not outcome.errors:
        told = {*outcome.applied, *outcome.missing}
        if not outcome.missing or told != _names(asked.request):
            yield "failed for what is missing, and that was not told"
    if isinstance(outcome, Confirmed) and outcome.changed is False:
        assert asked.settled is not None
        lead = min(PROBE_LEAD, asked.length / 2)
        if outcome.evidence in WEAK and asked.settled < asked.deadline - lead - 0.01:
            yield "equal values were confirmed before the window's end"
    if isinstance(outcome, Confirmed) and outcome.truncated:
        yield from _truncated(account, asked, outcome)
    if _by_change(outcome) and not _put_shown(account, asked):
        yield "confirmed by a change, and no PUT that was read shows the values"
    if isinstance(outcome, Confirmed) and outcome.changed is True and equal(account, asked):
        yield "said to have changed, and the values were known to be there"
    if _by_change(outcome) and _was_perhaps_so(account, asked):
        yield "confirmed by a change, and it may have been so, by what was told again"


def _by_change(outcome: object) -> bool:
    """Say whether a change without its id confirmed it, with all values as they were asked for."""
    weak = isinstance(outcome, Confirmed) and outcome.evidence is Evidence.EXPECTATION
    return weak and not outcome.truncated


def _put_shown(account: Account, asked: Asked) -> bool:
    """Say whether an event other than a DELETE was read that shows all that was asked for."""
    request = asked.request
    assert isinstance(request, do.UpdateCallData)
    assert asked.settled is not None
    for heard in read_of(account, asked, until=asked.settled + EPS):
        event = heard.event
        if not isinstance(event, DialogEvent) or isinstance(event, DialogRemoved):
            continue
        media = event.dialog.media_properties
        there = all(media.variable(name) == value for name, value in request.variables)
        if there and request.wrap_up_reason in {None, media.wrap_up_reason}:
            return True
    return False


def _truncated(account: Account, asked: Asked, outcome: Confirmed) -> Iterator[str]:
    """Let a value be cut short only in an event, and since the request (6.7)."""
    if outcome.evidence is Evidence.SNAPSHOT:
        yield "values that were cut short were confirmed by a GET"
    dialog = asked.request.dialog_id
    row = account.history.calls.get(dialog or "", ())
    begun = asked.submitted if asked.begun is None else asked.begun
    assert asked.settled is not None
    for name in outcome.truncated:
        last = account.history.at(dialog, begun)
        since = {view.values.get(name) for at, view in row if begun < at <= asked.settled}
        value = last.values.get(name) if last is not None else None
        if not since - {value} and _was_read(account, asked, name, value):
            yield f"{name} was said to be cut short, and it was so before"


def _was_read(account: Account, asked: Asked, name: str, value: str | None) -> bool:
    """Say whether that value had been read when the request went out."""
    begun = asked.submitted if asked.begun is None else asked.begun
    return was_live(account, asked) and any(
        isinstance(heard.event, DialogEvent)
        and heard.event.dialog.media_properties.variable(name) == value
        for heard in account.heard
        if heard.agent == asked.agent and heard.at < begun and is_about(asked, heard)
    )


def equal(account: Account, asked: Asked) -> bool:
    """Say whether the values were there all the time, and known to be when it was sent."""
    if asked.begun is None or asked.settled is None or not was_live(account, asked):
        return False
    for span in effects.spans(asked, account, exact=True):
        here = span.unit[0] == asked.request.dialog_id  # and not on what it became later
        if here and span.begin < asked.begun and span.end > asked.settled:
            return _known_there(account, asked, span.begin)
    return False


def seemed_equal(account: Account, asked: Asked) -> bool:
    """Say whether the values were there as far as was told: they may come and go unheard."""
    if equal(account, asked):
        return True
    told = _last_told(account, asked)
    return told is not None and _shows_all(told, asked)


def _shows_all(dialog: Dialog, asked: Asked) -> bool:
    wanted, media = effects.wanted(asked), dialog.media_properties
    reason = wanted.pop("wrapUpReason", None)
    there = all(media.variable(name) == value for name, value in wanted.items())
    return there and reason in {None, media.wrap_up_reason}


def cut_as_before(account: Account, asked: Asked, dialog: Dialog) -> bool:
    """Say whether a value is shown cut short as it was told last when it went out (6.7)."""
    told = _last_told(account, asked)
    if told is None or not isinstance(asked.request, do.UpdateCallData):
        return False
    now, before = dialog.media_properties, told.media_properties
    return any(
        now.variable(name) != value and now.variable(name) == before.variable(name)
        for name, value in asked.request.variables
    )


def seemed_set(account: Account, asked: Asked) -> bool:
    """Say whether a classification, or a callback, was so as far as was told when it was asked."""
    told, request = _last_told(account, asked), asked.request
    if told is None:
        return False
    if isinstance(request, do.Reclassify):
        return told.media_properties.variable("BAResponse") == request.outbound_classification
    known = told.scheduled_callback_info
    if not isinstance(request, do.UpdateScheduledCallback) or known is None:
        return False
    return request.callback_time in {None, known.callback_time} and request.callback_number in {
        *(None, known.callback_number)
    }


def _last_told(account: Account, asked: Asked) -> Dialog | None:
    """Return its dialog as an event had shown it last when it went out."""
    told = [
        heard.event.dialog
        for heard in account.heard
        if heard.agent == asked.agent
        and heard.at < (asked.begun or 0.0)
        and isinstance(heard.event, DialogEvent)
        and is_about(asked, heard)
    ]
    return told[-1] if told else None


def _known_there(account: Account, asked: Asked, since: float) -> bool:
    """Say whether what was read last, before it was sent, is from when the values were there.

    An older content that is read later tells that it is old by the parties' times alone (4). One of
    the same moment may be from just before.
    """
    made, told = _made_before(account, asked), _last_told(account, asked)
    if told is None:
        return False
    views = [account.history.at(asked.request.dialog_id, at + EPS) for at in (max(made), made[-1])]
    told_apart = (
        len({tuple(sorted(view.parties.items())) for view in views if view is not None}) > 1
    )
    just = abs(made[-1] - since) < EPS and not _shows_all(told, asked)
    return max(made) >= since and ((made[-1] >= since and not just) or told_apart)


def _made_before(account: Account, asked: Asked) -> list[float]:
    """Return when what was read of its dialog before it went out had been made, as it was read."""
    assert asked.begun is not None
    return [
        heard.parcel.made
        for heard in account.heard
        if isinstance(heard.event, DialogEvent)
        and heard.at < asked.begun
        and heard.agent == asked.agent
        and is_about(asked, heard)
    ]


def _was_perhaps_so(account: Account, asked: Asked) -> bool:
    """Say whether the values were there all the time, as they had been told before it was sent.

    Nobody knew so any more, for Finesse had published again what had been told of that dialog, and
    neither news nor a GET had come since: which of it is so, data do not tell (4, 6.7).
    """
    if asked.begun is None or asked.settled is None or not was_live(account, asked):
        return False
    begun, request = asked.begun, asked.request
    assert isinstance(request, do.UpdateCallData)
    read = [
        heard
        for heard in account.heard
        if isinstance(heard.event, DialogEvent)
        and heard.agent == asked.agent
        and heard.at < begun
        and is_about(asked, heard)
    ]
    since = [
        span.begin
        for span in effects.spans(asked, account, exact=True)
        if span.unit[0] == request.dialog_id and span.begin < begun and span.end > asked.settled
    ]
    if not since or not read or read[-1].first or request.wrap_up_reason is not None:
        return False
    if _by_nobody_known(account, read[-1]):
        return False
    gets = [(got.sent, got.answered or begun) for got in grounds.looked_at(account, asked)]
    if any(read[-1].at < answered < begun for _, answered in gets):
        return False  # which told what is so
    if any(since[-1] < sent and answered < begun for sent, answered in gets):
        return True
    told = (each.event.dialog.media_properties for each in read if each.first)  # type: ignore[attr-defined]
    return any(all(one.variable(n) == value for n, value in request.variables) for one in told)


def in_doubt(account: Account, asked: Asked) -> bool:
    """Say whether older news of its dialog were told again, and no later ones before it was sent.

    Which of all that is so nobody knows then; but a value that was never told was not there (6.7).
    """
    begun = asked.begun or 0.0
    read = [
        heard
        for heard in account.heard
        if isinstance(heard.event, DialogEvent)
        and heard.agent == asked.agent
        and heard.at < begun
        and is_about(asked, heard)
    ]
    news = [number for number, heard in enumerate(read) if heard.first]
    since = read[news[-1] + 1 :] if news else read
    again = [each.at for each in since if not (news and alike(each, read[news[-1]]))]
    gets = ((got.sent, got.answered or begun) for got in grounds.looked_at(account, asked))
    if not again or any(again[-1] < sent and answered < begun for sent, answered in gets):
        return False
    told = [each.event.dialog for each in read]  # type: ignore[attr-defined]
    return all(any(_is_told(name, value, one) for one in told) for name, value in _sought(asked))


def _sought(asked: Asked) -> list[tuple[str, str | None]]:
    """Return the data that are to be there, by the names under which they are told."""
    request = asked.request
    if isinstance(request, do.UpdateCallData):
        return list(request.variables)
    if isinstance(request, do.Reclassify):
        return [("BAResponse", request.outbound_classification)]
    if isinstance(request, do.UpdateScheduledCallback):
        both = (("time", request.callback_time), ("number", request.callback_number))
        return [(name, value) for name, value in both if value is not None]
    return []


def _is_told(name: str, value: str | None, dialog: Dialog) -> bool:
    callback = dialog.scheduled_callback_info
    if name == "time":
        return callback is not None and callback.callback_time == value
    if name == "number":
        return callback is not None and callback.callback_number == value
    return dialog.media_properties.variable(name) == value


def _by_nobody_known(account: Account, again: Heard) -> bool:
    """Say whether what is told again was read by a process of which the journal has no request.

    Nothing tells the one that follows it that there was one before.
    """
    last = max((at for at, _ in account.restarts if at < again.at), default=0.0)
    since = any(last <= at < again.at for at, _ in again.parcel.heard)
    return not since and not any(each.submitted < last for each in account.asked)


def survivor(account: Account, asked: Asked) -> Iterator[str]:
    """Let the surviving id be told only where it was seen (6.5)."""
    outcome = asked.outcome
    if not isinstance(asked.request, do.TransferSst) or not isinstance(outcome, Confirmed):
        return
    id_ = outcome.dialogs.survivor
    assert asked.settled is not None
    seen = any(
        isinstance(heard.event, DialogEvent)
        and heard.event.dialog_id == id_
        and heard.event.owner != asked.agent
        for heard in account.heard
        if heard.at <= asked.settled + EPS
    )
    if id_ is not None and not seen:
        yield "a surviving dialog was told that nobody had seen"


def state(account: Account, asked: Asked) -> Iterator[str]:
    """Let a state that is promised be told as PENDING (6.9)."""
    outcome = asked.outcome
    if not isinstance(asked.request, do.UserRequest) or not isinstance(outcome, Confirmed):
        return
    assert asked.settled is not None
    states = {
        person.state
        for at, person in account.history.people.get(asked.agent, ())
        if at <= asked.settled + EPS
    }
    if outcome.stage not in {None, "PENDING"} and outcome.stage not in states:
        yield f"said to be {outcome.stage}, and the agent never was"


def gone(account: Account, asked: Asked) -> Iterator[str]:
    """Let a TRANSFER of which no survivor was seen be told when both calls have gone (6.4)."""
    outcome = asked.outcome
    if not isinstance(asked.request, do.Transfer) or not isinstance(outcome, Confirmed):
        return
    if outcome.dialogs.survivor is not None or not was_live(account, asked):
        return
    assert asked.settled is not None
    left = {
        heard.event.dialog_id
        for heard in read_of(account, asked, until=asked.settled + EPS)
        if isinstance(heard.event, DialogEvent)
        and (isinstance(heard.event, DialogRemoved) or _off(heard.event, asked.own))
    }
    if len(left) < 2:
        yield "transferred, and only one of the calls was read to be gone"


def _off(event: DialogEvent, own: str) -> bool:
    party = event.dialog.participant(own)
    return party is not None and party.state in effects.LEFT
