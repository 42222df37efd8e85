"""What of the client needs no connection: bodies, the stream's grammar, answers, addresses."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from listener.api import resources as api
from listener.api import shapes
from listener.api.happenings import EVENT_SHAPES
from listener.client import Client, Problem, answers, happenings, places, resources, sse
from listener.client.body import Wanted, body_of, camel
from listener.client.line import Pace
from listener.correlation.outcome import Evidence, MinimumEvidence
from listener.errors import ConfigurationError, DaemonUnreachable, InvalidRequest
from listener.finesse.actions import params
from listener.finesse.actions.params import Where
from listener.finesse.actions.table import ACTIONS, from_mapping
from listener.offers import EVENT_NAMES

# ---------------------------------------------------------------- bodies


def test_every_parameter_of_every_request_can_be_given():
    top = {
        param.name
        for kind in ACTIONS.values()
        for _, param in params.of(kind)
        if param.where not in {Where.MEDIA, Where.MOBILE, Where.UNUSED}
    }
    own = {"requestedAction", "requestId", "deadline", "minimumEvidence"}

    said = {camel(name) for name in Wanted.__annotations__}

    assert said == top | own | {"mediaProperties", "mobileAgent"}


def test_a_body_is_what_the_core_reads():
    wanted: Wanted = {
        "agent": "1001",
        "requested_action": "UPDATE_CALL_DATA",
        "dialog_id": "5",
        "target_media_address": None,
        "media_properties": {"callvariables": {"callVariable1": "x"}, "wrapUpReason": "sold"},
    }

    request = from_mapping(body_of(wanted))

    assert request.requested_action == "UPDATE_CALL_DATA"
    assert dict(request.call_variables) == {"callVariable1": "x"}
    assert request.wrap_up_reason == "sold"


SHAPES = [
    (resources.RequestResource, api.RequestShape),
    (resources.OutcomeResource, api.OutcomeShape),
    (resources.LateResource, api.LateShape),
    (resources.SeenResource, api.SeenShape),
    (resources.Window, api.WindowShape),
    (resources.DialogIds, api.DialogIdsShape),
    (resources.WarningResource, api.WarningShape),
    (resources.ErrorResource, shapes.ErrorShape),
    (resources.DialogResource, shapes.DialogShape),
    (resources.ParticipantResource, shapes.ParticipantShape),
    (resources.AgentResource, api.AgentShape),
    (resources.Gap, api.LastGapShape),
    (resources.DialogsResource, api.DialogsShape),
    (resources.KnownDialog, api.KnownDialogShape),
    (resources.ErrorEntries, api.LookupShape),
    (resources.ReadinessResource, api.ReadinessShape),
    (happenings.DialogData, EVENT_SHAPES["dialog"]),
    (happenings.UserData, EVENT_SHAPES["user"]),
    (happenings.ErrorData, EVENT_SHAPES["error"]),
    (happenings.RequestData, EVENT_SHAPES["request"]),
    (happenings.SessionData, EVENT_SHAPES["session"]),
    (happenings.GapData, EVENT_SHAPES["gap"]),
    (happenings.LaggedData, EVENT_SHAPES["lagged"]),
    (happenings.ResetData, EVENT_SHAPES["reset"]),
]


@pytest.mark.parametrize(("ours", "described"), SHAPES, ids=lambda one: one.__name__)
def test_types_have_the_names_that_the_api_describes(ours: type, described: type[BaseModel]):
    assert set(ours.__annotations__) == {
        field.alias or name for name, field in described.model_fields.items()
    }


def test_every_event_of_the_stream_has_a_type():
    names = [get_args(get_args(one)[0])[0] for one in get_args(happenings.Event)]
    assert tuple(names) == EVENT_NAMES


def test_words_are_those_of_the_api():
    assert list(get_args(resources.State)) == api.STATES
    assert list(get_args(resources.Kind)) == api.KINDS
    assert list(get_args(resources.Evidence)) == [one.value for one in Evidence]
    assert list(get_args(resources.MinimumEvidence)) == [one.value for one in MinimumEvidence]


# ---------------------------------------------------------------- the stream's grammar


def blocks(*chunks: bytes) -> list[sse.Block]:
    parser = sse.Parser()
    return [block for chunk in chunks for block in parser.feed(chunk)]


def test_an_event_has_an_id_a_name_and_data():
    assert blocks(b"id: e-1\nevent: request\ndata: {}\n\n") == [sse.Block("e-1", "request", "{}")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_end_of_line_is_one(end: bytes):
    lines = end.join([b"id:1", b"data: a", b"data: b", b"", b": comment", b"data:c", b"", b""])

    # A lone carriage return at the very end may still be half of a line's end.
    found = blocks(lines, b"x")

    assert [(block.id, block.data) for block in found] == [("1", "a\nb"), (None, "c")]


@given(st.lists(st.integers(1, 60), max_size=8))
def test_how_the_bytes_are_cut_makes_no_difference(cuts: list[int]):
    whole = b'\xef\xbb\xbfid: e-1\r\ndata: {"x": 1}\r\n\r\n:c\n\nid: e-2\n\ndata: \xc3\xa4\n\n'
    places_ = sorted({min(cut, len(whole)) for cut in cuts})
    chunks = [whole[a:b] for a, b in zip([0, *places_], [*places_, len(whole)], strict=True)]

    assert blocks(*chunks) == blocks(whole)
    assert [block.data for block in blocks(whole)] == ['{"x": 1}', "ä"]


def test_an_id_without_data_moves_the_position_and_is_no_event():
    parser = sse.Parser()

    assert parser.feed(b"id: e-7\n\n") == []
    assert parser.last_id == "e-7"


def test_an_id_counts_once_its_event_is_whole():
    parser = sse.Parser("e-1")
    parser.feed(b"id: e-2\ndata: x\n")
    assert parser.last_id == "e-1"

    parser.restart()

    assert parser.feed(b"data: y\n\n") == [sse.Block(None, "message", "y")]
    assert parser.last_id == "e-1"


def test_the_wait_that_a_server_asks_for_is_heeded_when_it_is_a_number():
    parser = sse.Parser()
    parser.feed(b"retry: soon\nretry: 1500\n\n")
    assert parser.retry == 1.5


def test_what_is_unknown_or_no_id_is_left_out():
    assert blocks(b"id: a\0b\nodd: 1\nodd\ndata\n\n") == [sse.Block(None, "message", "")]


@pytest.mark.parametrize("piece", [b"x" * 1_000_000, b"data: " + b"x" * 1_000_000 + b"\n"])
def test_an_event_without_end_is_noticed(piece: bytes):
    parser = sse.Parser()
    fed = 0
    while not parser.broken:
        assert fed <= sse.LONGEST
        parser.feed(piece)
        fed += len(piece)

    parser.restart()

    assert not parser.broken


def test_what_was_whole_before_an_event_without_end_is_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sse, "LONGEST", 100)
    parser = sse.Parser()

    assert parser.feed(b"id: 1\ndata: a\n\n" + b"x" * 200) == [sse.Block("1", "message", "a")]
    assert parser.broken


# ---------------------------------------------------------------- answers


def test_a_problem_document_is_read_whole():
    told = {
        "type": "/problems/invalid-request",
        "title": "The request cannot be valid",
        "detail": "HOLD needs dialogId",
        "retryable": False,
        "field": "dialogId",
    }

    problem = answers.problem_of(422, {"retry-after": "3"}, json.dumps(told).encode())

    assert isinstance(problem, Problem)
    assert str(problem) == "HOLD needs dialogId"
    assert (problem.type, problem.title) == (told["type"], told["title"])
    assert (problem.status, problem.retryable, problem.field) == (422, False, "dialogId")
    assert problem.retry_after == 3.0


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b'{"title": 5, "retryable": "yes"}'])
def test_an_answer_that_is_no_problem_document_is_told_by_its_status(body: bytes):
    problem = answers.problem_of(503, {}, body)

    assert str(problem) == "HTTP 503 Service Unavailable"
    assert (problem.type, problem.retryable, problem.retry_after) == ("about:blank", True, None)
    assert not answers.problem_of(418, {"retry-after": "Fri, 01 Jan 2027"}, body).retryable
    assert str(answers.problem_of(799, {}, body)) == "HTTP 799"


def test_an_answer_that_is_no_json_is_not_the_daemons():
    with pytest.raises(DaemonUnreachable, match="not as the daemon does"):
        answers.json_of(b"<html>", "here")


# ---------------------------------------------------------------- where a daemon is


@pytest.mark.parametrize(
    "url", ["ftp://x", "127.0.0.1:1", "http://", "http://u:p@127.0.0.1", "http://x:y", "\x00"]
)
def test_an_address_that_cannot_be_is_refused(url: str):
    with pytest.raises(ConfigurationError, match="write the daemon's address"):
        Client.tcp(url, "t")


@pytest.mark.parametrize("host", ["10.0.0.5", "listener.example.com", "[2001:db8::1]"])
def test_a_token_does_not_leave_this_machine_unencrypted(host: str):
    with pytest.raises(ConfigurationError, match="use https://"):
        Client.tcp(f"http://{host}:8470", "t0ken")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "[::1]"])
def test_loopback_needs_no_encryption(host: str):
    assert Client.tcp(f"http://{host}:8470", "t").where == f"http://{host}:8470"


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ü", "x" * 256])
def test_a_token_that_can_be_none_is_refused_and_not_repeated(token: str):
    with pytest.raises(ConfigurationError) as raised:
        Client.tcp("http://127.0.0.1:1", token)

    assert not token or token not in str(raised.value)


def test_a_ca_file_that_holds_nothing_is_named(tmp_path):
    (tmp_path / "ca.pem").write_text("hello")
    for name in ("ca.pem", "none.pem"):
        with pytest.raises(ConfigurationError, match=name):
            Client.tcp("https://127.0.0.1:1", "t", tmp_path / name)


def test_no_repr_holds_the_token():
    client = Client.tcp("https://127.0.0.1:1", SecretStr("t0ken"))

    assert "t0ken" not in repr(client) + repr(vars(client)) + repr(vars(client._line))


def test_secrets_are_taken_as_text_or_as_secret():
    assert places.plain("a") == places.plain(SecretStr("a")) == "a"


# ---------------------------------------------------------------- waits


def test_waits_grow_to_their_bound_and_never_undercut_what_was_asked():
    pace = Pace(base=1, cap=5, chance=lambda: 1.0)

    assert [pace.delay(n) for n in (0, 1, 2, 3, 10_000)] == [1, 2, 4, 5, 5]
    assert pace.delay(0, 3.0) == 4.0
    assert pace.delay(0, 1e9) == 61.0
    assert Pace(chance=lambda: 0.0).delay(9) == 0.0


@pytest.mark.parametrize("wait", [-1, 61, float("nan"), float("inf")])
async def test_a_wait_that_is_none_is_refused_before_anything_is_sent(tmp_path, wait: float):
    async with Client.unix(tmp_path / "none") as client:
        with pytest.raises(InvalidRequest, match="0 to 60"):
            await client.submit(agent="1", requested_action="READY", wait=wait)


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ä"])
async def test_a_key_that_can_be_none_is_refused_before_anything_is_sent(tmp_path, key: str):
    async with Client.unix(tmp_path / "none") as client:
        with pytest.raises(InvalidRequest, match="Idempotency-Key"):
            await client.submit(agent="1", requested_action="READY", idempotency_key=key)


async def test_forgetting_needs_one_thing_to_forget(tmp_path):
    async with Client.unix(tmp_path / "none") as client:
        for given_ in ({}, {"number": "1", "dialog_id": "2"}):
            with pytest.raises(InvalidRequest, match="one of them"):
                await client.forget(**given_)


def test_the_client_loads_nothing_of_the_daemon():
    code = (
        "import sys, listener.client\n"
        "print(sorted({'slixmpp', 'fastapi', 'pydantic', 'lxml', 'structlog'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
