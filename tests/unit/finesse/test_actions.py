"""Each request: where it goes, what it carries, what would prove it, how it is shown."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.finesse import actions
from listener.finesse.actions import ACTIONS, Gate, Probe, Request, from_element, key_of
from listener.finesse.actions import expectation as ex
from listener.finesse.body import Element

CALL: dict[str, Any] = {"agent": "1001", "dialog_id": "54321", "target_media_address": "1001001"}
TASK: dict[str, Any] = {"agent": "1001", "dialog_id": "151635_312_1"}
NEW: dict[str, Any] = {"agent": "1001", "from_address": "1001001", "to_address": "2002002"}

# one valid request of every class, its expectation, gate, probe and deadline
ROWS: list[tuple[Request, Any, Gate, Probe, float]] = [
    (
        actions.MakeCall(**NEW, call_variables={"callVariable1": "x"}),
        ex.NewCall("2002002", "1001001"),
        Gate.UNTIL_SETTLED,
        Probe.DIALOGS,
        20,
    ),
    (
        actions.Answer(**CALL),
        ex.OwnState(frozenset({"ACTIVE"})),
        Gate.UNTIL_SETTLED,
        Probe.DIALOG,
        20,
    ),
    (
        actions.Hold(**CALL),
        ex.OwnState(frozenset({"HELD"})),
        Gate.UNTIL_SETTLED,
        Probe.DIALOG,
        20,
    ),
    (
        actions.Retrieve(**CALL),
        ex.OwnState(frozenset({"ACTIVE"})),
        Gate.UNTIL_SETTLED,
        Probe.DIALOG,
        20,
    ),
    (actions.Drop(**CALL), ex.Left(), Gate.UNTIL_SETTLED, Probe.ABSENCE, 20),
    (
        actions.ConsultCall(**CALL, to_address="2002002"),
        ex.NewCall("2002002", "1001001", associated="54321"),
        Gate.UNTIL_SETTLED,
        Probe.DIALOGS,
        20,
    ),
    (actions.Transfer(**CALL), ex.Transferred(), Gate.UNTIL_SETTLED, Probe.DIALOGS, 20),
    (actions.Conference(**CALL), ex.Conferenced(), Gate.UNTIL_SETTLED, Probe.DIALOGS, 20),
    (
        actions.TransferSst(**CALL, to_address="2002002"),
        ex.SentAway("2002002"),
        Gate.UNTIL_SETTLED,
        Probe.DIALOGS,
        20,
    ),
    (actions.SendDtmf(**CALL, dtmf_string="739"), ex.Silence(), Gate.DTMF, Probe.NONE, 5.9),
    (
        actions.UpdateCallData(
            **CALL,
            call_variables={"callVariable1": "", "user.a[2]": "x"},
            wrap_up_reason="sold",
            wrap_up_items=("a", "b"),
        ),
        ex.CallData((("callVariable1", ""), ("user.a[2]", "x")), "sold", ("a", "b")),
        Gate.UNTIL_ANSWERED,
        Probe.DIALOG,
        20,
    ),
    (actions.StartRecording(**CALL), ex.Silence(), Gate.UNTIL_ANSWERED, Probe.NONE, 5),
    (
        actions.SilentMonitor(**NEW),
        ex.Monitoring("2002002", "1001001"),
        Gate.UNTIL_SETTLED,
        Probe.DIALOGS,
        20,
    ),
    (
        actions.BargeCall(**NEW, associated_dialog_uri="/finesse/api/Dialog/777"),
        ex.Barged("2002002", "777", "1001001"),
        Gate.UNTIL_SETTLED,
        Probe.DIALOGS,
        20,
    ),
    (
        actions.ParticipantDrop(**CALL),
        ex.PartyGone("1001001"),
        Gate.UNTIL_SETTLED,
        Probe.DIALOG,
        20,
    ),
    *(
        (
            accept(**CALL),
            ex.OwnState(frozenset({"ACCEPTED"})),
            Gate.UNTIL_SETTLED,
            Probe.DIALOG,
            20,
        )
        for accept in (actions.PreviewAccept, actions.DirectPreviewAccept)
    ),
    *(
        (end(**CALL), ex.ReservationEnded(), Gate.UNTIL_SETTLED, Probe.NONE, 20)
        for end in (
            actions.PreviewClose,
            actions.PreviewReject,
            actions.DirectPreviewClose,
            actions.DirectPreviewReject,
        )
    ),
    (
        actions.Reclassify(**CALL, outbound_classification="BUSY"),
        ex.Reclassified("BUSY"),
        Gate.UNTIL_ANSWERED,
        Probe.DIALOG,
        20,
    ),
    (
        actions.UpdateScheduledCallback(
            **CALL, callback_time="2026-11-21T14:30", callback_number="5550123"
        ),
        ex.CallbackScheduled("2026-11-21T14:30", "5550123"),
        Gate.UNTIL_ANSWERED,
        Probe.DIALOG,
        20,
    ),
    (
        actions.CancelScheduledCallback(**CALL),
        ex.CallbackCancelled(),
        Gate.UNTIL_ANSWERED,
        Probe.DIALOG,
        20,
    ),
    *(
        (task(**TASK), ex.TaskState(frozenset({state})), Gate.NONE, Probe.DIALOG, 20)
        for task, state in (
            (actions.TaskAccept, "ACCEPTED"),
            (actions.TaskStart, "ACTIVE"),
            (actions.TaskPause, "PAUSED"),
            (actions.TaskResume, "ACTIVE"),
            (actions.TaskWrapUp, "WRAPPING_UP"),
        )
    ),
    (
        actions.TaskTransfer(**TASK, target="selector_7"),
        ex.TaskEnded(),
        Gate.NONE,
        Probe.NONE,
        20,
    ),
    (actions.TaskClose(**TASK), ex.TaskEnded(), Gate.NONE, Probe.NONE, 20),
    (
        actions.Ready(agent="1001"),
        ex.UserState(frozenset({"READY"}), weak_states=frozenset({"RESERVED", "TALKING"})),
        Gate.NONE,
        Probe.USER,
        20,
    ),
    (
        actions.NotReady(agent="1001", reason_code_id="5"),
        ex.UserState(frozenset({"NOT_READY"}), "5"),
        Gate.NONE,
        Probe.USER,
        20,
    ),
    (
        actions.Work(agent="1001"),
        ex.UserState(frozenset({"WORK"})),
        Gate.NONE,
        Probe.USER,
        20,
    ),
    (
        actions.SignIn(
            agent="1001",
            extension="1001001",
            mobile_mode="CALL_BY_CALL",
            mobile_dial_number="5550123",
        ),
        ex.UserState(frozenset({"LOGIN", "NOT_READY"}), extension="1001001"),
        Gate.NONE,
        Probe.USER,
        20,
    ),
    (
        actions.SignOut(agent="1001", reason_code_id="-1"),
        ex.UserState(frozenset({"LOGOUT"}), "-1"),
        Gate.NONE,
        Probe.USER,
        20,
    ),
]
REQUESTS = [row[0] for row in ROWS]
each = pytest.mark.parametrize("request_", REQUESTS, ids=key_of)


def test_the_rows_cover_every_action():
    assert {type(request) for request in REQUESTS} == set(ACTIONS.values())
    assert len(set(ACTIONS.values())) == len(ACTIONS) == len(ROWS)


@pytest.mark.parametrize(
    ("request_", "expectation", "gate", "probe", "deadline"), ROWS, ids=lambda row: ""
)
def test_each_request_says_what_proves_it_and_how_long_to_wait(
    request_: Request, expectation: Any, gate: Gate, probe: Probe, deadline: float
):
    assert request_.expectation == expectation
    assert request_.gate is gate
    assert request_.probe is probe
    assert request_.default_deadline == pytest.approx(deadline)
    request_.validate()
    assert request_.warnings(None) == ()


@each
def test_each_key_begins_or_ends_with_the_requested_action(request_: Request):
    assert key_of(request_).endswith(request_.requested_action)
    assert ACTIONS[key_of(request_)] is type(request_)


@each
def test_a_request_cannot_be_changed_and_hashes_by_value(request_: Request):
    with pytest.raises(FrozenInstanceError):
        request_.agent = "1002"  # type: ignore[misc]
    assert hash(request_) == hash(replace(request_))
    assert not hasattr(request_, "__dict__")


@each
def test_only_transfers_and_conferences_change_ids(request_: Request):
    changing = (actions.Transfer, actions.Conference, actions.TransferSst)
    assert request_.changes_ids is isinstance(request_, changing)


@each
def test_method_and_path_follow_the_kind_of_request(request_: Request):
    if isinstance(request_, actions.NewDialogRequest):
        wanted = ("POST", "/finesse/api/User/1001/Dialogs", None)
    elif isinstance(request_, actions.UserRequest):
        wanted = ("PUT", "/finesse/api/User/1001", None)
    else:
        wanted = ("PUT", f"/finesse/api/Dialog/{request_.dialog_id}", request_.dialog_id)
    assert (request_.method, request_.path, request_.dialog_id) == wanted


@each
def test_no_repr_shows_a_number_a_digit_or_a_value(request_: Request):
    shown = repr(request_)
    assert shown.startswith(f"{type(request_).__name__}(agent='1001'")
    assert not any(secret in shown for secret in ("1001001", "2002002", "739", "sold", "5550123"))
    believed = repr(request_.expectation)
    assert not any(
        secret in believed for secret in ("1001001", "2002002", "sold", "5550123", "'x'")
    )


def test_reprs_show_counts_last_digits_and_names():
    dtmf = actions.SendDtmf(agent="1001", dialog_id="54321", dtmf_string="739")
    assert repr(dtmf) == "SendDtmf(agent='1001', dialog_id='54321', digits=3)"
    call = actions.MakeCall(
        agent="1001", to_address="2002091", call_variables={"callVariable3": "secret"}
    )
    assert repr(call) == (
        "MakeCall(agent='1001', to_address='***91', call_variables=('callVariable3',))"
    )
    assert "to_address='***'" in repr(actions.MakeCall(agent="1001", to_address="9191"))


@each
def test_round_trip_through_the_body(request_: Request):
    direct = key_of(request_).startswith("DIRECT_")
    again = from_element(
        request_.agent, request_.method, request_.path, request_.body(), direct=direct
    )
    assert again == request_
    assert type(again) is type(request_)


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)


@settings(deadline=None)
@given(st.dictionaries(TEXT, st.text()), st.none() | st.text(), st.none() | st.lists(st.text()))
def test_any_call_data_survives_the_body(
    variables: dict[str, str], reason: str | None, items: list[str] | None
):
    asked = actions.UpdateCallData(
        **CALL,
        call_variables=variables,
        wrap_up_reason=reason,
        wrap_up_items=None if items is None else tuple(items),
    )
    assert from_element("1001", "PUT", asked.path, asked.body()) == asked


@settings(deadline=None)
@given(TEXT, TEXT, TEXT)
def test_any_addresses_survive_the_body(number: str, device: str, uri: str):
    asked = actions.BargeCall(
        agent="1001", to_address=number, from_address=device, associated_dialog_uri=uri
    )
    assert from_element("1001", "POST", asked.path, asked.body()) == asked


def test_bodies_are_laid_out_as_finesse_wants_them():
    dtmf = actions.SendDtmf(**CALL, dtmf_string="7#")
    param = Element("ActionParam", (Element("name", "dtmfString"), Element("value", "7#")))
    assert dtmf.body() == Element(
        "Dialog",
        (
            Element("requestedAction", "SEND_DTMF"),
            Element("targetMediaAddress", "1001001"),
            Element("actionParams", (param,)),
        ),
    )
    sign_in = actions.SignIn(agent="1001", extension="1001001")
    assert sign_in.body() == Element(
        "User", (Element("state", "LOGIN"), Element("extension", "1001001"))
    )
    data = actions.UpdateCallData(
        agent="1001", dialog_id="1", call_variables=(("user.a", "x"),), wrap_up_items=("i",)
    )
    assert data.body().find("mediaProperties") == Element(
        "mediaProperties",
        (
            Element(
                "callvariables",
                (Element("CallVariable", (Element("name", "user.a"), Element("value", "x"))),),
            ),
            Element("wrapUpItems", (Element("wrapUpItem", "i"),)),
        ),
    )


def test_a_device_is_filled_in_only_where_it_was_left_out():
    hold = actions.Hold(agent="1001", dialog_id="1")
    assert hold.device is None
    filled = hold.on_device("1001001")
    assert (filled.device, filled.target_media_address) == ("1001001", "1001001")
    assert filled.on_device("9") is filled
    call = actions.MakeCall(agent="1001", to_address="2")
    assert call.device is None
    assert call.on_device("1001001").from_address == "1001001"
    assert actions.MakeCall(**NEW).on_device("9").device == "1001001"


def test_requests_without_a_device_are_left_as_they_are():
    drop = actions.ParticipantDrop(**CALL)
    task = actions.TaskStart(**TASK)
    ready = actions.Ready(agent="1001")
    for request_ in (drop, task, ready):
        assert request_.device is None
        assert request_.on_device("9") is request_
    assert drop.target_media_address == "1001001"


def test_call_variables_are_kept_as_pairs_in_their_order():
    asked = actions.UpdateCallData(**CALL, call_variables={"user.b": "2", "user.a": "1"})
    assert asked.variables == (("user.b", "2"), ("user.a", "1"))
    assert asked == actions.UpdateCallData(
        **CALL, call_variables=(("user.b", "2"), ("user.a", "1"))
    )


@pytest.mark.parametrize(("digits", "seconds"), [(0, 5.0), (1, 5.3), (32, 14.6)])
def test_the_dtmf_window_grows_with_the_digits(digits: int, seconds: float):
    assert actions.dtmf_window(digits) == pytest.approx(seconds)
