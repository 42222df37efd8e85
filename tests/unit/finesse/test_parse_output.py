from __future__ import annotations

import json

import pytest

from listener.finesse.model import (
    ApiError,
    CallVariable,
    Dialog,
    Kind,
    MediaProperties,
    ReasonCode,
    ScheduledCallbackInfo,
    Update,
    User,
)
from listener.finesse.parsed import dialog_json, error_json, to_json, update_json, user_json

ERROR = "<apiErrors><apiError><errorData> 34 </errorData><errorType/></apiError></apiErrors>"
UPDATE = f"<Update><data>{ERROR}</data><event>put</event><requestId> </requestId></Update>"


def stanza(*payloads: str):
    items = "".join(
        f"<item id='i{n}'><notification>{p}</notification></item>"
        for n, p in enumerate(payloads, 1)
    )
    return (
        "<message from='pubsub.example' to='1001@example'><event>"
        f"<items node='/finesse/api/User/1001'>{items}</items></event></message>"
    ).encode()


def test_a_stanza_is_shown_with_its_envelope():
    shown = to_json("a.xml", stanza(UPDATE))
    assert shown == {
        "file": "a.xml",
        "ok": True,
        "problem": None,
        "form": "stanza",
        "updates": [
            {
                "node": "/finesse/api/User/1001",
                "itemId": "i1",
                "from": "pubsub.example",
                "to": "1001@example",
                "event": "PUT",
                "requestId": None,
                "source": None,
                "kind": "errors",
                "errors": [
                    {
                        "errorData": "34",
                        "errorMessage": None,
                        "errorType": "",
                        "errorMedia": None,
                        "peripheralErrorCode": None,
                        "peripheralErrorMsg": None,
                        "peripheralErrorText": None,
                    }
                ],
            }
        ],
    }
    assert json.loads(json.dumps(shown)) == shown


def test_an_update_alone_has_no_envelope_and_a_body_no_event():
    update = to_json("-", UPDATE.encode())
    assert (update["form"], update["updates"][0]["node"]) == ("update", None)
    body = to_json("-", b"<Dialogs/>")
    assert (body["ok"], body["form"]) == (True, "body")
    assert body["updates"][0]["event"] is None
    assert body["updates"][0]["dialogs"] == []


def test_what_could_be_read_is_listed_beside_the_problem():
    shown = to_json("x", stanza(UPDATE, "&lt;Update>&lt;data>", UPDATE))
    assert (shown["ok"], len(shown["updates"])) == (False, 2)
    assert shown["problem"].startswith(
        "Item 2 of 3 could not be read: it is not well-formed at line 1"
    )


@pytest.mark.parametrize(
    "document",
    [b"<Update><a>\0</a></Update>", b"\0", b"<Update>\x01", b"<a></b>", b"<a", b"\xff<a/>"],
)
def test_a_problem_is_one_line_and_one_sentence(document: bytes):
    problem = to_json("x", document)["problem"]
    assert problem == " ".join(problem.split())
    assert problem.endswith(".")
    assert not problem.endswith((" .", ".."))


def test_a_broken_document_is_told_in_one_sentence_with_its_place():
    shown = to_json("x", b"<Update>\n<data>&oops</data></Update>")
    assert (shown["ok"], shown["form"], shown["updates"]) == (False, "unknown", [])
    assert "line 2, column" in shown["problem"]
    assert "Traceback" not in shown["problem"]
    assert "\n" not in shown["problem"]


def test_a_document_type_declaration_is_refused_by_name():
    assert "document type declaration" in to_json("x", b"<!DOCTYPE a><Update/>")["problem"]


def test_a_payload_escaped_twice_is_understood_and_noted():
    twice = UPDATE.replace("<", "&amp;lt;")
    (update,) = to_json("x", stanza(twice))["updates"]
    assert update["errors"][0]["errorData"] == "34"
    assert update["notes"] == ["the payload was escaped twice"]


def test_a_dialog_is_shown_trimmed_and_by_finesses_names():
    dialog = Dialog(
        id=" 5 ",
        uri="",
        scheduled_callback_info=ScheduledCallbackInfo("t", None),
        media_properties=MediaProperties(
            dnis="1",
            wrap_up_items=(" a ",),
            call_variables=(
                CallVariable("callVariable1", " x "),
                CallVariable("callVariable1", "y"),
                CallVariable("user.x[2]", None),
            ),
        ),
    )
    shown = dialog_json(dialog)
    assert (shown["id"], shown["uri"], shown["state"]) == ("5", "", None)
    assert shown["scheduledCallbackInfo"] == {"callbackTime": "t", "callbackNumber": None}
    media = shown["mediaProperties"]
    assert (media["DNIS"], media["wrapUpItems"]) == ("1", ["a"])
    assert media["callvariables"] == {"callVariable1": "x", "user.x[2]": None}
    assert dialog_json(Dialog())["scheduledCallbackInfo"] is None


def test_participants_are_shown_with_their_actions():
    text = (
        "<dialog><participants><Participant><mediaAddress>1001</mediaAddress><actions><action>"
        "DROP</action></actions></Participant></participants></dialog>"
    )
    (update,) = to_json("x", text.encode())["updates"]
    (party,) = update["dialogs"][0]["participants"]
    assert (party["mediaAddress"], party["actions"], party["state"]) == ("1001", ["DROP"], None)


def test_a_user_is_shown_with_unknown_elements_and_nested_objects():
    text = (
        "<User><loginId>1</loginId><roles><role>Agent</role></roles><ReasonCode><code>5</code>"
        "</ReasonCode><settings><wrapUpOnIncoming> OPTIONAL </wrapUpOnIncoming><b/></settings>"
        "<teams><Team><id>7</id></Team></teams><New>n</New></User>"
    )
    (update,) = to_json("x", text.encode())["updates"]
    user = update["user"]
    assert (user["loginId"], user["roles"], user["New"]) == ("1", ["Agent"], "n")
    assert user["reasonCode"]["code"] == "5"
    assert user["settings"] == {"wrapUpOnIncoming": "OPTIONAL", "b": ""}
    assert user["teams"] == [{"id": "7"}]


def test_a_user_made_by_hand_is_shown_from_its_fields():
    shown = user_json(User(login_id="1", reason_code=ReasonCode(code="5")))
    assert (shown["loginId"], shown["reasonCode"]["code"], shown["state"]) == ("1", "5", None)
    assert user_json(User())["reasonCode"] is None


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("<Team><id>1</id></Team>", "team", {"id": "1"}),
        ("<Queue><x>1</x><x>2</x></Queue>", "queue", {"x": ["1", "2"]}),
        ("<Queues><Queue><id>1</id></Queue></Queues>", "queues", [{"id": "1"}]),
        ("<Queues/>", "queues", []),
        ("<media><id>1</id></media>", "media", {"id": "1"}),
        ("<SystemInfo><status>IN_SERVICE</status></SystemInfo>", "systemInfo",
         {"status": "IN_SERVICE"}),
        ("<Users><User><id>1</id></User></Users>", "other", {"users": [{"id": "1"}]}),
        ("<Update><data><a><b>1</b></a></data></Update>", "other", {"a": {"b": "1"}}),
    ],
)  # fmt: skip
def test_each_kind_is_shown_under_its_own_name(text: str, key: str, value: object):
    (update,) = to_json("x", text.encode())["updates"]
    assert (update["kind"], update[key]) == (key, value)


def test_an_empty_update_has_no_content():
    (update,) = to_json("x", b"<Update><event>DELETE</event></Update>")["updates"]
    assert (update["kind"], update["event"], set(update)) == (
        "empty",
        "DELETE",
        {"node", "itemId", "from", "to", "event", "requestId", "source", "kind"},
    )


def test_a_queues_update_without_queues_and_a_user_update_without_user_are_shown():
    assert update_json(Update(Kind.QUEUES))["queues"] == []
    assert update_json(Update(Kind.USER))["user"] is None


def test_an_error_is_shown_by_the_names_of_notifications():
    assert error_json(ApiError(error_media="5001"))["errorMedia"] == "5001"
