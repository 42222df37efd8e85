"""What may stand in a body: the models beside the code that builds requests."""

from __future__ import annotations

import pytest
from pydantic.alias_generators import to_camel

from listener.api.asked import checked, request_of
from listener.api.bodies import OURS, AgentBody, AnswerBody, ForgetBody, RequestBody, needs
from listener.api.refusals import Refusal
from listener.correlation.outcome import MinimumEvidence
from listener.errors import InvalidRequest
from listener.finesse.actions import ACTIONS, MakeCall, SendDtmf, TaskTransfer, params
from listener.finesse.actions.params import Where
from listener.web.callers import Caller, Scope

CRM = Caller("crm", frozenset({Scope.REQUEST}))
HOLD = {"agent": "1001", "requestedAction": "HOLD", "dialogId": "54321"}
SECRET = "7531902"
GROUPS = {Where.MEDIA: "mediaProperties", Where.MOBILE: "mobileAgent"}


def refused(model, given) -> dict:
    with pytest.raises(Refusal) as raised:
        checked(model, given)
    told = raised.value.problem.as_dict()
    assert SECRET not in str(told)
    return told


def schema(model) -> dict:
    return model.model_json_schema()


def test_body_knows_every_parameter_of_every_request_and_no_other():
    known: dict[str, set[str]] = {"": {"requestedAction", *OURS}}
    for request in ACTIONS.values():
        for _, param in params.of(request):
            if param.where is not Where.UNUSED:
                known.setdefault(GROUPS.get(param.where, ""), set()).add(param.name)
    described = schema(RequestBody)
    groups = set(known) - {""}
    assert set(described["properties"]) == known[""] | groups
    parts = described["$defs"]
    assert set(parts["MediaPropertiesBody"]["properties"]) == known["mediaProperties"]
    assert set(parts["MobileAgentBody"]["properties"]) == known["mobileAgent"]


def test_description_says_what_each_action_cannot_do_without():
    assert needs(MakeCall) == ["toAddress"]
    assert needs(SendDtmf) == ["dialogId", "dtmfString"]
    assert needs(TaskTransfer) == ["dialogId", "target"]
    rules = {
        rule["if"]["properties"]["requestedAction"]["const"]: rule["then"]["required"]
        for rule in schema(RequestBody)["allOf"]
    }
    assert rules == {name: needs(kind) for name, kind in ACTIONS.items() if needs(kind)}
    assert schema(RequestBody)["properties"]["requestedAction"]["enum"] == list(ACTIONS)


def test_request_is_built_with_its_wishes():
    body = HOLD | {"requestId": "145", "deadline": 7, "minimumEvidence": "event"}
    request, wishes = request_of(body, CRM)
    assert (request.agent, request.dialog_id) == ("1001", "54321")
    assert (wishes.request_id, wishes.deadline, wishes.asked_by) == ("145", 7.0, "crm")
    assert wishes.minimum_evidence is MinimumEvidence.EVENT


def test_null_is_as_good_as_absent():
    body = HOLD | {"requestId": None, "deadline": None, "toAddress": None, "mediaProperties": None}
    assert request_of(body, CRM) == request_of(HOLD, CRM)


@pytest.mark.parametrize(
    ("name", "near"),
    [("dialogID", "dialogId"), ("dtmfStrings", "dtmfString"), ("deadlines", "deadline")],
)
def test_unknown_name_is_refused_with_the_nearest_known(name, near):
    told = refused(RequestBody, HOLD | {name: SECRET})
    assert told["detail"] == f"{name} is not known; did you mean {near}?"
    assert (told["status"], told["field"]) == (422, name)


def test_unknown_name_in_an_inner_object_is_refused_too():
    told = refused(RequestBody, HOLD | {"mediaProperties": {"callVariables": {}}})
    assert told["detail"] == "callVariables is not known; did you mean callvariables?"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"callvariables": {}}, "callvariables is not known here; it belongs in mediaProperties"),
        (
            {"callVariables": {}},
            "callVariables is not known; did you mean callvariables in mediaProperties?",
        ),
        (
            {"mediaProperties": {"dialogId": "5"}},
            "dialogId is not known here; it belongs in the body itself",
        ),
        (
            {"mobileAgent": {"callvariable": {}}},
            "callvariable is not known; did you mean callvariables in mediaProperties?",
        ),
        (
            {"mediaProperties": {"dialogID": "5"}},
            "dialogID is not known; did you mean dialogId in the body itself?",
        ),
    ],
)
def test_name_that_is_known_elsewhere_is_refused_with_its_place(change, says):
    assert refused(RequestBody, HOLD | change)["detail"] == says


def test_unknown_name_that_resembles_none_is_refused_with_all():
    told = refused(RequestBody, HOLD | {"zzz": 1})
    assert "known are agent, requestedAction, dialogId" in told["detail"]
    inner = refused(RequestBody, HOLD | {"mobileAgent": {"zzz": 1}})
    assert inner["detail"] == "zzz is not known; known are mode, dialNumber"


def test_name_that_looks_like_a_value_is_not_repeated():
    told = refused(RequestBody, HOLD | {SECRET: 1})
    assert told["detail"].startswith("a name in the body is not known")
    assert "field" not in told


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"agent": 1001}, "agent", "must be text"),
        ({"dtmfString": 7531902}, "dtmfString", "must be text"),
        ({"deadline": "20"}, "deadline", "must be a number"),
        ({"deadline": True}, "deadline", "must be a number"),
        ({"deadline": 0}, "deadline", "greater than 0"),
        ({"deadline": -1}, "deadline", "greater than 0"),
        ({"deadline": 3601}, "deadline", "less than or equal to 3600"),
        ({"minimumEvidence": "none"}, "minimumEvidence", "'any', 'event' or 'request_id'"),
        ({"requestId": ""}, "requestId", "at least 1"),
        ({"requestId": "x" * 257}, "requestId", "at most 256"),
        ({"requestId": 145}, "requestId", "must be text"),
        ({"mediaProperties": []}, "mediaProperties", "must be an object"),
        ({"mediaProperties": {"callvariables": [1]}}, "callvariables", "must be an object"),
        (
            {"mediaProperties": {"callvariables": {"callVariable1": 7531902}}},
            "callVariable1",
            "text",
        ),
        ({"mediaProperties": {"callvariables": {SECRET: 1}}}, "callvariables", "text"),
        ({"mediaProperties": {"wrapUpItems": "x"}}, "wrapUpItems", "must be a list"),
        ({"mediaProperties": {"wrapUpItems": [7531902]}}, "wrapUpItems", "must be text"),
        ({"mobileAgent": "x"}, "mobileAgent", "must be an object"),
    ],
)
def test_wrong_type_is_refused_by_name(change, field, says):
    told = refused(RequestBody, HOLD | change)
    assert (told["status"], told["field"], told["retryable"]) == (422, field, False)
    assert says in told["detail"]


def test_what_is_needed_is_named():
    assert refused(RequestBody, {"requestedAction": "HOLD"})["detail"] == "agent: is needed"
    with pytest.raises(InvalidRequest, match="HOLD needs dialogId"):
        request_of({"agent": "1001", "requestedAction": "HOLD"}, CRM)


@pytest.mark.parametrize("status", [99, 600, "202", 202.5, True, None])
def test_answer_has_a_status_of_http(status):
    assert refused(AnswerBody, {"status": status})["field"] == "status"


def test_secrets_are_in_no_repr_and_no_problem():
    body = checked(AgentBody, {"password": SECRET, "token": SECRET})
    assert SECRET not in repr(body)
    assert refused(AgentBody, {"password": SECRET * 200})["field"] == "password"
    assert refused(AgentBody, {"passwort": SECRET})["detail"].endswith("did you mean password?")
    assert refused(ForgetBody, {"number": [SECRET]})["field"] == "number"


def test_names_are_written_as_finesse_writes_them():
    assert to_camel("associated_dialog_uri") == "associatedDialogUri"
    assert "dialNumber" in schema(RequestBody)["$defs"]["MobileAgentBody"]["properties"]
