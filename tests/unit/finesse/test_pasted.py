"""What people paste: every form gives the update of the bare payload, or a place is named."""

from __future__ import annotations

import base64
import json
import random
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest

from listener.errors import MalformedUpdate
from listener.finesse.model import Update
from listener.finesse.parsed import to_json
from listener.finesse.pasted import asked, reading
from listener.finesse.pasted.reading import MOST, Work, read_pasted
from tests.pasted_forms import FORMS, LOG, NODE, WITH_NODE, library, notation, stanza

ROOT = Path(__file__).parents[3]
ERROR = (
    "<Update><data><apiErrors><apiError><errorData>34</errorData><errorMessage>CF_RESOURCE_OUT_OF_"
    "SERVICE</errorMessage></apiError></apiErrors></data><event>PUT</event><requestId>7</requestId>"
    "<source>/finesse/api/Dialog/5</source></Update>"
)
DIALOG = (
    "<Update>\n <data>\n  <dialog><id>5</id><state>ACTIVE</state></dialog>\n </data>\n"
    " <event>PUT</event>\n</Update>"
)
ENVELOPE = ("node", "itemId", "from", "to", "notes")


def payload_of(text: str) -> str:
    """Return the payload of a sample: itself, or what the notification of its stanza holds."""
    root = ET.fromstring(text)
    notification = next((e for e in root.iter() if e.tag.endswith("notification")), None)
    if notification is None:
        return text
    if not len(notification):
        return (notification.text or "").strip()
    for each in notification.iter():
        each.tag = each.tag.rpartition("}")[2]
    return ET.tostring(notification[0], encoding="unicode").strip()


def known_payloads() -> dict[str, str]:
    found = {}
    for path in sorted((ROOT / "samples").glob("*.xml")):
        text = re.sub(r"<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL).strip()
        payload = payload_of(text)
        if payload.startswith("<"):
            found[path.stem] = payload
    return found


PAYLOADS = known_payloads()


def read(text: str | bytes) -> dict[str, Any]:
    return to_json("x", text if isinstance(text, bytes) else text.encode())


def said(found: dict[str, Any], *, loosely: bool = False) -> list[Any]:
    """Return the updates without where they came from; loosely: absent, null and empty are one."""
    updates = [{k: v for k, v in u.items() if k not in ENVELOPE} for u in found["updates"]]
    return loose(updates) if loosely else updates


def loose(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: loose(v) for k, v in value.items() if v not in (None, "", [], {})}
    if isinstance(value, list):
        return [loose(each) for each in value]
    return " ".join(value.split()) if isinstance(value, str) else value


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_every_payload_gives_the_update_of_the_bare_payload(form: str):
    assert len(PAYLOADS) > 60
    for name, payload in PAYLOADS.items():
        bare, found = read(payload), read(FORMS[form](payload))

        assert said(found, loosely=True) == said(bare, loosely=True), name
        assert found["ok"] is (form != "cut json with a string"), (name, found["problem"])
        if form in WITH_NODE:
            assert found["updates"][0]["node"] == NODE, name


@pytest.mark.parametrize("form", ["log", "escaped twice", "bosh", "curl", "har", "tunnel xml"])
def test_xml_in_a_wrapping_is_the_same_to_the_letter(form: str):
    for name, payload in PAYLOADS.items():
        assert said(read(FORMS[form](payload))) == said(read(payload)), name


def test_every_form_one_after_the_other_in_one_file_is_found_in_order():
    forms = [form for form in FORMS if form not in {"byte order mark", "cut json with a string"}]
    chance = random.Random(5)
    chance.shuffle(forms)
    text = "\n\nnoise, and then:\n".join(
        FORMS[form](ERROR.replace("<requestId>7<", f"<requestId>n{number}<"))
        for number, form in enumerate(forms)
    )

    found = read("to whom it may concern\n" + text)

    assert found["ok"], found["problem"]
    assert [u["requestId"] for u in found["updates"]] == [f"n{n}" for n in range(len(forms))]


def test_no_secret_of_a_trace_is_ever_repeated():
    for form in ("curl", "har"):
        told = json.dumps(read(FORMS[form](ERROR)))
        assert "MTAwMTpzZWNyZXQ" not in told
        assert "secret" not in told
    sign_in = (
        "2|topsecret\n<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>dG9wc2VjcmV0"
        "</auth>\nCookie: topsecret\n{password: 'topsecret', Authorization: 'topsecret'}\n"
    )
    told = json.dumps(read(sign_in + ERROR))
    assert "topsecret" not in told
    assert "dG9wc2VjcmV0" not in told
    assert "SASL" in told


def test_what_is_called_a_password_is_hidden_wherever_it_stands():
    user = {
        "loginId": "1",
        "state": "READY",
        "password": "topsecret",
        "more": {"token": "topsecret"},
    }
    for text in (
        json.dumps({"User": user}),
        "<User><loginId>1</loginId><Password>topsecret</Password></User>",
    ):
        found = read(text)
        assert found["ok"]
        assert "topsecret" not in json.dumps(found)
        assert "***" in json.dumps(found)


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize("cut_at", [30, 120, 200, len(ERROR) - 4])
def test_an_update_that_is_cut_off_is_named_with_its_place_and_the_next_is_read(cut_at: int):
    found = read(f"first\n  {ERROR[:cut_at]}\n\nand\n{DIALOG}\n")

    assert not found["ok"]
    assert found["problem"].startswith("What begins at line 2, column 3 could not be read: ")
    assert [u["kind"] for u in found["updates"]] == ["dialog"]


def test_the_place_inside_a_payload_is_counted_in_the_input():
    broken = DIALOG.replace("</id>", "")
    found = read(f"noise\n{ERROR} {broken}")

    assert "line 2, column " in found["problem"]
    assert "not well-formed at line 4, column " in found["problem"]


def test_a_line_of_a_log_that_is_cut_off_does_not_swallow_the_next():
    found = read(f"{LOG}[Payload={ERROR[:150]}\n{LOG}[NodeId={NODE}][Payload={ERROR}]\n")

    assert [u["node"] for u in found["updates"]] == [NODE]
    assert not found["ok"]


@pytest.mark.parametrize("times", [0, 1])
def test_whole_messages_of_a_cut_bosh_body_are_read(times: int):
    body = f"<body xmlns='http://jabber.org/protocol/httpbind'>{stanza(escape(ERROR))}"
    body += stanza(escape(DIALOG), number=2)
    text = body[: -len("</notification></item></items></event></message>") - 9]
    for _ in range(times):
        text = escape(text)

    found = read(text)

    assert [(u["kind"], u["itemId"], u["node"]) for u in found["updates"]] == [
        ("errors", "i1", NODE)
    ]
    assert not found["ok"]


def test_a_stanza_without_its_last_tags_keeps_its_item():
    found = read(stanza(escape(ERROR))[:-20])

    (update,) = found["updates"]
    assert (found["ok"], update["itemId"], update["from"]) == (False, "i1", "pubsub.example.com")


def test_what_is_cut_off_shows_no_part_of_an_update_as_an_update():
    assert read(DIALOG[: DIALOG.index("</data>")])["updates"] == []
    assert read('{"Update": {"data": {"dialog": {"id": "5"}}, "event": "PU')["updates"] == []
    assert read('x {"data": {"dialog": {"id": "5"}}, "event": "PUT", "source": ')["updates"] == []


@pytest.mark.parametrize("begin", [12, 60, len(ERROR) - 40])
@pytest.mark.parametrize("times", [0, 1])
def test_what_has_lost_its_beginning_is_named(begin: int, times: int):
    text = "..." + ERROR[begin:]
    for _ in range(times):
        text = escape(text)
    found = read(f"{text}\n{DIALOG}")

    assert not found["ok"]
    assert "how it begins is not there" in found["problem"]
    assert found["updates"][-1]["kind"] == "dialog"


@pytest.mark.parametrize("write", [json.dumps, notation])
def test_an_object_that_has_lost_its_beginning_is_named(write: Any):
    text = write(library(ERROR))
    for begin in ("data", "apiErrors", "apiError"):
        assert "how it begins is not there" in read(text[text.index(begin) :])["problem"]


@pytest.mark.parametrize("form", FORMS)
def test_a_paste_that_is_cut_off_never_tells_another_update_than_the_whole(form: str):
    text = FORMS[form](ERROR)
    whole = said(read(text))
    told = [said(read(text[:end])) for end in range(0, len(text), 17)]

    assert [each for updates in told for each in updates if each not in whole] == []


def test_prose_about_tags_is_no_payload():
    found = read(f"what stands between `<Update>` and `</Update>`, as in <user> id: {ERROR}")
    assert (found["ok"], len(found["updates"])) == (True, 1)


@pytest.mark.parametrize("name", ["utf-7", "utf-16", "nonsense"])
def test_a_declared_encoding_that_is_not_read_is_refused_as_before(name: str):
    found = read(f"<?xml version='1.0' encoding='{name}'?>{ERROR}")
    assert (found["ok"], found["updates"]) == (False, [])
    assert name in found["problem"]


def test_whole_objects_of_a_cut_list_are_read():
    one = json.dumps(library(ERROR))
    found = read(f"[{one}, {one}, {one[:60]}")

    assert (found["ok"], len(found["updates"])) == (False, 2)
    assert "line 1, column 1" in found["problem"]
    assert "ends before it is complete" in found["problem"]


def test_several_that_cannot_be_read_are_counted():
    found = read("\n".join(["log"] + [ERROR.replace("</data>", "")] * 6))

    assert found["problem"].endswith(
        "line 3, column 1, line 4, column 1, line 5, column 1, 2 more."
    )


@pytest.mark.parametrize(
    "text", ["{Update: {…}}", "x { Update: { data: [Object] } }", "[{Update: ..."]
)
def test_what_a_console_shortened_is_told_with_the_way_out(text: str):
    assert "JSON.stringify" in read(text)["problem"]


def test_a_declaration_in_the_middle_is_refused_by_name_and_so_is_what_it_declares():
    found = read(f"x\n<!DOCTYPE Update [<!ENTITY a 'b'>]>\n{ERROR}\n{DIALOG}")

    assert "line 2, column 1 could not be read: a document type declaration" in found["problem"]
    assert [u["kind"] for u in found["updates"]] == ["dialog"]


@pytest.mark.parametrize(
    "text", ["not xml", "see <user> and <dialog id>, or {x} [1]", "[]", "{}", "a\n" * 50]
)
def test_where_nothing_is_found_it_says_what_would_be_understood(text: str):
    found = read(text)
    assert (found["ok"], found["form"], found["updates"]) == (False, "unknown", [])
    assert found["problem"].startswith("Nothing of Finesse's was found; what would be understood")


def test_a_packed_file_is_told_so():
    assert "gzip" in read(b"\x1f\x8b\x08\x00")["problem"]


# ---------------------------------------------------------------- encodings, kinds, notes


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_paste_may_be_in_utf_16(encoding: str):
    assert read(f"noise {ERROR}".encode(encoding))["ok"]


def test_a_stray_byte_of_another_encoding_is_noted():
    found = read("Grüße\n".encode("cp1252") + ERROR.encode())

    assert found["ok"]
    assert "Windows-1252" in found["notes"][0]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", "is opened"),
        ("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", "is closed"),
        ("Received: 4|unauthorized", "tunnel is unauthorized"),
        ("< HTTP/1.1 202\n", "status 202: Finesse took the request"),
        ("HTTP/1.1 503 Service Unavailable\n", "out of service"),
        ("HTTP/1.1 418 \n", "status 418: refused"),
        ('{"status": 202, "content": "", "object": null}', "status 202"),
    ],
)
def test_what_holds_no_update_is_told_in_a_note(text: str, note: str):
    found = read(text)
    assert (found["ok"], found["updates"]) == (True, [])
    assert note in found["notes"][0]


def test_a_request_is_told_with_what_would_prove_it_and_without_digits():
    asked = (
        "<Dialog><requestedAction>SEND_DTMF</requestedAction><targetMediaAddress>1001"
        "</targetMediaAddress><actionParams><ActionParam><name>dtmfString</name><value>98765</value>"
        "</ActionParam></actionParams></Dialog>"
    )
    for text in (asked, f"> PUT /finesse/api/Dialog/5 HTTP/1.1\n>\n{asked}\n< HTTP/1.1 202\n"):
        found = read(text)
        (note,) = found["updates"][0]["notes"]
        assert note.startswith("this is a request, SEND_DTMF for extension 1001; what would prove")
        assert "98765" not in json.dumps(found)


@pytest.mark.parametrize(
    ("state", "asked"), [("READY", True), ("LOGOUT", True), ("TALKING", False)]
)
def test_a_user_with_a_state_alone_is_a_request(state: str, asked: object):
    found = read(f"<User><state>{state}</state></User>")
    assert ("notes" in found["updates"][0]) is asked


def test_numbers_of_an_object_stay_as_they_were_written():
    text = "x = {Dialog: {id: 0054321, state: 'ACTIVE', mediaProperties: null, fromAddress: 1e3}}"
    (dialog,) = read(text)["updates"][0]["dialogs"]
    assert (dialog["id"], dialog["fromAddress"]) == ("0054321", "1e3")


def test_a_dialog_without_its_name_and_with_lists_is_understood():
    # fmt: off
    dialog = {"id": "5", "participants": [{"mediaAddress": "1", "actions": ["HOLD", "DROP"]}],
              "mediaProperties": {"callvariables": {"callVariable1": "x", "user.a[0]": None}}}
    # fmt: on
    (shown,) = read(notation(dialog))["updates"][0]["dialogs"]
    assert shown["participants"][0]["actions"] == ["HOLD", "DROP"]
    assert shown["mediaProperties"]["callvariables"] == {"callVariable1": "x", "user.a[0]": ""}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"Dialogs": ""}', "dialogs"),
        ('{"Dialogs": null}', "dialogs"),
        ('{"Dialogs": []}', "dialogs"),
        ('{"Dialogs": [{"id": "5"}]}', "dialogs"),
        ('{"Update": null}', "empty"),
        ('{"Update": {"data": null, "event": "DELETE"}}', "empty"),
        ('{"Update": {"data": "<dialog><id>5</id></dialog>", "event": "PUT"}}', "dialog"),
        ('{"apiErrors": {"errorType": "x", "errorData": 3}}', "errors"),
        ('{"Users": {"User": [{"loginId": "1"}]}}', "other"),
        ('{"xmppDomain": "example.com", "status": "IN_SERVICE"}', "systemInfo"),
        ("x {loginId: '1', state: 'READY'}", "user"),
        ("{errorType: 'x', errorMessage: \"it's\"}", "errors"),
    ],
)
def test_objects_of_each_kind_are_told_apart(text: str, kind: str):
    found = read(text)
    assert [u["kind"] for u in found["updates"]] == [kind]
    assert found["ok"]


def test_the_object_is_taken_where_the_content_cannot_be_read():
    text = json.dumps({"status": 200, "content": ERROR[:90], "object": library(ERROR)})
    found = read(text)
    assert (found["ok"], [u["kind"] for u in found["updates"]]) == (True, ["errors"])


@pytest.mark.parametrize(
    ("topic", "node"),
    [
        ("finesse.api.User.1001.Dialogs", "/finesse/api/User/1001/Dialogs"),
        ("finesse.api.User.j.doe.Dialogs.Media", "/finesse/api/User/j.doe/Dialogs/Media"),
        ("finesse.api.User.1001", "/finesse/api/User/1001"),
        ("finesse.api.Team.7.Users", "/finesse/api/Team/7/Users"),
        ("finesse.api.Queue.9", "/finesse/api/Queue/9"),
        ("finesse.api.SystemInfo", "/finesse/api/SystemInfo"),
    ],
)
def test_a_topic_names_the_node(topic: str, node: str):
    by_line = read(f"publish {topic} {ERROR}")
    by_key = read(json.dumps({"topic": topic, "payload": ERROR}))
    assert [by_line["updates"][0]["node"], by_key["updates"][0]["node"]] == [node, node]


def test_the_path_of_a_request_is_no_node():
    found = read(f"GET {NODE} HTTP/1.1\n\nHTTP/1.1 200\n\n{ERROR}")
    assert found["updates"][0]["node"] is None


# ---------------------------------------------------------------- hostile

HOSTILE = (
    *("<", "<Update>", "<message>", "&lt;Update&gt;", "&amp;", "{", "[", '{"', "{'", '{"a":'),
    *('{"\\"', '[""', "<!--", "<Update><![CDATA[", "<Update><a></b>", '<Update a="', "{a:{"),
    *("<Dialog><Dialogs>", "node=/finesse/api/", "\nHTTP/1.1 ", "\\u003cUpdate", "%3CUpdate"),
    *("\n> <Update>", '{a:"" + ', "{a ", "\\", " ", "<items node='a'><item id='1'>", "{“"),
    *("<message><item id='1'/>", "<Update \t", '{"Update":"<Update/>"} ', "[{Update:[", "\\u003c"),
    *("<!DOCTYPE a ", '{"a":"<Update>'),
)  # fmt: skip


@pytest.mark.parametrize("token", HOSTILE)
def test_twice_the_input_is_at_most_about_twice_the_work(token: str):
    steps = []
    for size in (8_000, 16_000):
        work = Work()
        read_pasted((token * (size // len(token))).encode(), work)
        steps.append(work.done)
    assert steps[1] <= 2.2 * steps[0] + 1_000
    assert steps[1] <= 40 * 16_000


def test_more_pieces_than_the_bound_are_told():
    found = read("x" + "<Update/>\n" * (MOST + 5))
    assert len(found["updates"]) == MOST
    assert "more follows than is read of one input" in found["problem"]


def test_a_flood_of_braces_ends_at_a_bound_and_what_came_before_is_told(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(reading, "WORK", 50_000)
    found = read(ERROR + "{a:{" * 1_000)
    assert len(found["updates"]) == 1
    assert "split it" in found["problem"]


def test_mutated_pastes_never_crash_and_always_give_one_line():
    chance = random.Random(20)
    seeds = [form(payload) for form in FORMS.values() for payload in (ERROR, DIALOG)]
    tokens = [
        *HOSTILE,
        ">",
        "/>",
        "</Update>",
        "}",
        "]",
        '"',
        "'",
        "\0",
        "\ud800",
        "\ufeff",
        "…",
        "\n",
    ]
    for _ in range(3_000):
        text = chance.choice(seeds)
        for _ in range(chance.randrange(1, 5)):
            at, until = sorted(chance.choices(range(len(text) + 1), k=2))
            until = min(until, at + chance.choice((0, 1, 5, 40)))
            text = text[:at] + chance.choice(("", chance.choice(tokens))) + text[until:]
        found = to_json("x", text.encode("utf-8", "surrogatepass"))

        assert found["ok"] is (found["problem"] is None)
        assert found["problem"] is None or "\n" not in found["problem"]
        assert json.loads(json.dumps(found)) == found


# ---------------------------------------------------------------- corners


def test_a_recorded_answer_in_base64_is_read():
    text = base64.b64encode(ERROR.encode()).decode()
    held = {"content": {"mimeType": "application/xml", "encoding": "base64", "text": text}}
    assert [u["kind"] for u in read(json.dumps(held))["updates"]] == ["errors"]
    held["content"]["text"] = "A"
    assert not read(json.dumps(held))["ok"]


@pytest.mark.parametrize("write", [quote, lambda text: text.replace("<", "\\u003c")])
def test_whole_messages_of_a_body_that_is_cut_off_are_read_however_it_is_escaped(write: Any):
    body = f"<body xmlns='http://jabber.org/protocol/httpbind'>{stanza(escape(ERROR))}<message><a>"
    found = read("log: " + write(body.replace('"', "'")))

    assert (found["ok"], [u["itemId"] for u in found["updates"]]) == (False, ["i1"])


def test_texts_in_texts_are_looked_through_to_a_bound():
    text, reached = ERROR, []
    for _ in range(7):
        text = json.dumps({"text": text})
        reached.append(bool(read(text)["updates"]))

    assert reached[:4] == [True] * 4
    assert reached[-1] is False


def test_what_is_nested_too_deep_is_told():
    found = read("x {Update: {data: " + "{a: " * 200)
    assert "nested more than 100 deep" in found["problem"]
    assert not read("x <Update>" + "<a>" * 200)["ok"]


@pytest.mark.parametrize(
    "text", ["4|nonsense", "GET /index.html HTTP/1.1\n", "node=/finesse/api/ x", "2|4|word"]
)
def test_lines_that_only_look_alike_say_nothing(text: str):
    assert read(text)["problem"].startswith("Nothing of Finesse's")


def test_the_node_of_an_object_is_that_of_what_it_holds():
    held = {"node": "not a node", "nodeId": NODE, "payload": {"xml": ERROR}}
    assert read(json.dumps(held))["updates"][0]["node"] == NODE


def test_what_no_element_can_be_called_is_left_out():
    found = read(
        json.dumps({"Update": {"data": {"dialog": {"id": "5", "a b": "x", "#text": "y"}}}})
    )
    assert (found["ok"], found["updates"][0]["dialogs"][0]["id"]) == (True, "5")


def test_an_escaped_payload_that_is_cut_off_ends_with_the_element_around_it():
    found = read(f"<td>{escape(ERROR)[:90]}</td><td>{escape(DIALOG)}</td>")

    assert (found["ok"], [u["kind"] for u in found["updates"]]) == (False, ["dialog"])
    assert "line 1, column 5 could not be read" in found["problem"]


def test_a_text_in_two_halves_is_one_text():
    text = DIALOG.replace("\n", "")
    halves = '{"status": 200, "content": "' + text[:40] + '" + "' + text[40:] + '"}'

    (found,) = [each.outcome for each in read_pasted(halves.encode()) if each.outcome is not None]

    assert isinstance(found, Update)
    assert found.dialogs[0].id == "5"


def test_an_exchange_without_a_request_and_an_answer_says_nothing():
    assert read_pasted(b'{"request": 1, "response": "Dialog"}') == []


def test_a_text_of_another_width_is_read():
    for name in ("utf-16", "utf-16-le", "utf-16-be"):
        assert len(read_pasted(DIALOG.encode(name))) == 1


def test_too_much_is_told():
    (piece,) = read_pasted(b" " * (9 * 1024 * 1024))

    assert isinstance(piece.outcome, MalformedUpdate)
    assert piece.outcome.reason == "too_big"


def test_a_request_that_breaks_off_asks_for_nothing():
    assert asked.what_is_asked("<Dialog><requestedAction>HOLD") is None
    assert asked.what_is_asked("<Dialog/>") is None


def test_of_a_broken_whole_with_endless_tags_nothing_is_made_up():
    broken = f'<message a="{"x" * 20_000}"><body>{DIALOG}</body><event>'

    assert not any(isinstance(each.outcome, Update) for each in read_pasted(broken.encode()))
