"""What goes over comes over: values, agents, events; what cannot be understood is told safely."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from listener.correlation.outcome import Confirmed, Evidence, MinimumEvidence
from listener.correlation.picture import Baseline
from listener.correlation.registration import Registration
from listener.correlation.steps import Late
from listener.finesse.actions import Hold, OtherRequest, SendDtmf, UpdateCallData
from listener.handover import spoken
from listener.handover.carried import Agents, Held, Open, Past, State
from listener.handover.channel import Broken
from listener.handover.exporting import _open
from listener.offers import Told
from listener.order import Earlier
from listener.readers import Entry
from listener.settings.model import Agent
from listener.ticket import Record
from tests.builders import AGENT, CALL, Story, a_dialog, a_user

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
DIGITS = "82539714"


def heard(messages) -> State:
    """Put together what was said."""
    read = [json.loads(each[4:]) for each in messages]
    gathering = spoken.Gathering(read[0])
    for message in read[1:]:
        gathering.add(message)
    return gathering.done()


def a_record(request, **changes) -> Record:
    """Return a record of which every field says something."""
    full = Record(
        key="0193",
        request_id="r-1",
        request=request,
        submitted=NOW,
        submitted_at=10.5,
        going=NOW + timedelta(seconds=1),
        sent=NOW + timedelta(seconds=1),
        answered=NOW + timedelta(microseconds=1_200_001),
        accepted=True,
        answered_at=11.7,
        settled=NOW + timedelta(seconds=9),
        expected=True,
        asked_by="crm",
        idempotency=("key", "print"),
        outcome=Confirmed(evidence=Evidence.REQUEST_ID, dialog=a_dialog(), user=a_user()),
        late=[Late("0193", "event", 20.0, "again", dialog=a_dialog())],
    )
    return replace(full, **changes)


def test_a_record_that_is_full_has_no_field_that_is_forgotten():
    record = a_record(Hold(agent=AGENT, dialog_id=CALL))
    empty = Record("", "", record.request, NOW, 0.0)
    for each in fields(Record):
        if each.name not in {"request", "submitted"}:
            assert getattr(record, each.name) != getattr(empty, each.name), each.name


@pytest.mark.parametrize(
    "request_",
    [
        Hold(agent=AGENT, dialog_id=CALL, target_media_address="1001"),
        SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string=DIGITS),
        UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"}),
        OtherRequest(
            agent=AGENT,
            requested_action="JUMP",
            dialog_id=CALL,
            method="PUT",
            path="/finesse/api/Dialog/100",
        ),
    ],
    ids=lambda request: type(request).__name__,
)
def test_requests_go_over_with_all_their_values(request_):
    registration = Registration(
        key="0193",
        request_id="r-1",
        own="1001",
        length=7.5,
        minimum=MinimumEvidence.EVENT,
        expected=True,
        allow_repeat=True,
    )
    one = Open(
        record=a_record(request_, outcome=None, settled=None, late=[]),
        registration=registration,
        baseline=Baseline(a_dialog(), (a_dialog("7"),), a_user()),
        sent_at=11.25,
        left=3.5,
        accepted=True,
        status=202,
        answer_date=1700000000.0,
        gap=True,
    )
    other = replace(one, record=a_record(request_, key="0194"), baseline=None, sent_at=None)
    past = Past(record=a_record(request_), registration=registration, settled_ago=2.5, left=1.0)
    state = State(
        99.5,
        journalled=False,
        sessions={AGENT: ("up", True)},
        gaps={AGENT: {"from": "x", "until": None, "cause": "y", "lossless": False}},
        open=[one, other],
        past=[past],
        events=Earlier(
            "abcd", 7, (Entry(7, Told("abcd-7", "dialog", {"a": "ü"}), AGENT, CALL, "0193"),)
        ),
        hashes=b"\0\xff",
        keys=[("k", "f", "0193", 4.5)],
        heard={"node|100|item": 3.25},
    )
    assert heard(spoken.messages(state)) == state


def test_much_goes_over_in_messages_of_bounded_length():
    entries = [
        Entry(n, Told(f"e-{n}", "dialog", {"x": "y" * 3000}), None, None, None) for n in range(2000)
    ]
    state = State(1.0, journalled=False, events=Earlier("e", 2000, tuple(entries)))
    said = list(spoken.messages(state))
    assert len(said) > 5
    assert max(map(len, said)) < 2 * spoken.TOGETHER
    assert heard(said).events.entries == tuple(entries)


def test_agents_go_over_with_their_credentials_and_no_repr_shows_them():
    agent = Agent(
        id="1001",
        password="geheim-1",
        token="geheim-2",
        extension="77",
        connect="while_signed_in",
        subscriptions=("/finesse/api/Team/5/Users",),
        password_file="/run/x",
    )
    file = agent.model_copy(update={"extension": "78"})
    agents = Agents(5, ["1001"], [Held(agent, "api", None), Held(agent, "configured", file)])
    told = json.loads(json.dumps(spoken.agents_json(agents)))
    assert spoken.agents_of(told) == agents
    assert "geheim" not in repr(agents)


@pytest.mark.parametrize(
    "broken",
    [
        {"record": None},
        {"record": {"action": "NEVER_HEARD_OF"}},
        {"left": "x" + DIGITS},
        {"registration": {"key": 5}},
        {"baseline": [DIGITS]},
    ],
)
def test_what_cannot_be_understood_is_told_without_what_it_held(broken):
    request = SendDtmf(agent=AGENT, dialog_id=CALL, dtmf_string=DIGITS)
    one = Open(
        record=a_record(request, outcome=None),
        registration=Registration(key="0193", request_id="r", own=None),
    )
    said = [
        json.loads(each[4:]) for each in spoken.messages(State(1.0, journalled=True, open=[one]))
    ]
    said[1]["items"][0] |= broken
    gathering = spoken.Gathering(said[0])
    with pytest.raises(Broken, match="restart instead") as error:
        gathering.add(said[1])
    assert DIGITS not in str(error.value)


@pytest.mark.parametrize(
    "message", [{"say": "wrong", "items": []}, {"say": "open"}, {"say": "told", "items": [[1]]}]
)
def test_words_that_were_not_expected_are_refused(message):
    head = json.loads(next(spoken.messages(State(1.0, journalled=True)))[4:])
    with pytest.raises(Broken):
        spoken.Gathering(head).add(message)
    with pytest.raises(Broken, match="state"):
        spoken.Gathering(head | {"clock": None})
    with pytest.raises(Broken, match="agents"):
        spoken.agents_of({"revision": 1, "live": [], "others": [{"agent": {"id": DIGITS * 20}}]})


@pytest.mark.parametrize("refused", [True, False])
def test_an_update_beside_one_that_may_have_been_sent_goes_over_as_after_a_gap(*, refused):
    # 6.7: the next process does not know of the one that is settled that it may have written over
    story = Story(a_dialog())
    request = UpdateCallData(agent=AGENT, dialog_id=CALL, call_variables={"callVariable1": "x"})
    key = story.accepted(request)
    beside = replace(request, call_variables={"callVariable1": "y"})
    other = story.ask(beside, expected=True, length=1.0)
    if refused:
        story.refuse(other)
    story.wait(2)
    core = story.correlator
    assert core.entry(other).open is False
    assert _open(core, key, a_record(request), story.now).gap is not refused
