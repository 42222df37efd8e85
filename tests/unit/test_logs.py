from __future__ import annotations

import ast
import io
import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog

import listener
from listener import logs, redaction

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(listener.__file__).parent
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def line(stream: io.StringIO) -> dict[str, Any]:
    return json.loads(stream.getvalue().splitlines()[-1])


def configured(**options: Any) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(stream=stream, **options)
    return stream


# ---------------------------------------------------------------- the catalogue


def test_event_names_are_noun_dot_verb_and_explained():
    for name, words in logs.EVENTS.items():
        assert re.fullmatch(r"[a-z]+\.[a-z]+", name), name
        assert words


def _is_log(node: ast.expr) -> bool:
    """Say whether an expression is a logger of ours: log, _log, self._log, log.bind(...)."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and _is_log(node.func.value)
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name.lstrip("_") in {"log", "logger"}


def _logged() -> Iterator[tuple[str, ast.expr | None]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            direct = node.func.attr in LEVELS and (
                _is_log(node.func.value) or ast.unparse(node.func.value).startswith("logs.get(")
            )
            if direct:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", (node.args or [None])[0]


def test_everything_that_is_logged_is_in_the_catalogue():
    found = list(_logged())
    assert len(found) > 3
    unknown = [
        f"{where}: {ast.unparse(name) if name else 'no name'}"
        for where, name in found
        if not (isinstance(name, ast.Constant) and name.value in logs.EVENTS)
    ]

    assert unknown == []


def test_everything_in_the_catalogue_is_logged():
    logged = {name.value for _, name in _logged() if isinstance(name, ast.Constant)}
    passed = {
        node.args[0].value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
    }

    assert logged <= passed
    assert set(logs.EVENTS) - passed == set()


# ---------------------------------------------------------------- the shape of a line


def test_a_line_is_json_where_nobody_sits():
    stream = configured()

    logs.get("listener.test").info("request.settled", agent="1001", outcome="confirmed")

    said = line(stream)
    assert list(said)[:3] == ["timestamp", "level", "event"]
    assert said["event"] == "request.settled"
    assert (said["level"], said["agent"], said["logger"]) == ("info", "1001", "listener.test")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", said["timestamp"])


@pytest.mark.parametrize(
    ("stream", "form", "is_json"),
    [
        (io.StringIO, "auto", True),
        (Terminal, "auto", False),
        (Terminal, "json", True),
        (io.StringIO, "console", False),
    ],
)
def test_the_form_follows_the_terminal_unless_it_is_set(
    *, stream: type[io.StringIO], form: str, is_json: bool
):
    out = stream()
    logs.configure(stream=out, form=form)

    logs.get("x").info("listener.ready")

    assert out.getvalue().startswith("{") is is_json


@pytest.mark.parametrize("colors", [True, False])
def test_colours_can_be_switched_off(*, colors: bool):
    out = Terminal()
    logs.configure(stream=out, colors=colors)

    logs.get("x").info("listener.ready")

    assert ("\x1b[" in out.getvalue()) is colors


def test_the_standard_library_is_written_the_same_way():
    stream = configured()

    logging.getLogger("somebody.else").warning("went %s", "wrong")

    said = line(stream)
    assert (said["event"], said["level"], said["logger"]) == (
        "went wrong",
        "warning",
        "somebody.else",
    )


def test_a_trace_is_in_the_line_without_secrets_and_local_variables():
    stream = configured()
    secret = {"local-variable": "never-shown"}
    try:
        _ = secret["password=hunter2"]
    except KeyError:
        logs.get("x").exception("listener.failed")

    said = line(stream)
    assert "KeyError: 'password=***" in said["exception"]
    assert "never-shown" not in stream.getvalue()
    assert "hunter2" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1


def test_context_is_carried():
    stream = configured()

    with structlog.contextvars.bound_contextvars(agent="1001"):
        logs.get("x").info("session.opened")

    assert line(stream)["agent"] == "1001"


def test_configuring_again_replaces_the_handler():
    first = configured()
    second = configured()

    logs.get("x").info("listener.ready")

    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "level", "shown"),
    [
        ("listener.x", logging.DEBUG, True),
        ("slixmpp.xmlstream", logging.DEBUG, False),
        ("slixmpp.xmlstream", logging.INFO, False),
        ("httpx", logging.INFO, False),
        ("httpcore.http11", logging.INFO, False),
        ("httpx", logging.WARNING, True),
        ("listener.wire", logging.ERROR, False),
    ],
)
def test_talkative_libraries_are_capped_even_at_debug(*, name: str, level: int, shown: bool):
    stream = configured(level="DEBUG")

    logging.getLogger(name).log(level, "words")

    assert bool(stream.getvalue()) is shown


def test_a_higher_level_holds_for_the_libraries_too():
    stream = configured(level="ERROR")

    logging.getLogger("slixmpp").warning("words")
    logs.get("x").warning("session.lost")

    assert stream.getvalue() == ""


def test_the_wire_is_logged_on_demand():
    stream = configured(wire=True)

    logs.get(logs.WIRE).debug("wire.sent", stanza="<auth mechanism='PLAIN'>AGh1bnRlcjI=</auth>")
    logs.get("listener.other").debug("rest.sent")

    assert line(stream)["stanza"] == "<auth mechanism='PLAIN'>***</auth>"
    assert len(stream.getvalue().splitlines()) == 1


def test_an_importing_program_keeps_its_own_logging(caplog: pytest.LogCaptureFixture, capsys: Any):
    logs.ensure()

    logs.get("listener.x").warning("session.lost", agent="1001", password="hunter2")

    assert caplog.messages == ["session.lost agent='1001' password='***'"]
    assert capsys.readouterr().out == ""


def test_an_importing_program_that_configured_structlog_is_left_alone():
    seen: list[Any] = []

    def keep(_: Any, __: str, event: Any) -> Any:
        seen.append(event)
        raise structlog.DropEvent

    structlog.configure(processors=[keep])
    logs.ensure()

    logs.get("listener.x").info("session.opened")

    assert seen == [{"event": "session.opened"}]


@pytest.mark.parametrize("level", ["debug", "info", "warning"])
@pytest.mark.parametrize("method", ["debug", "info", "warning", "error"])
def test_a_line_is_written_from_its_level_on(level: str, method: str):
    stream = configured(level=level)
    log = logs.get("listener.level")

    getattr(log, method)("listener.ready")

    order = ["debug", "info", "warning", "error"]
    shown = order.index(method) >= order.index(level)
    assert bool(stream.getvalue()) is shown
    assert log.isEnabledFor(getattr(logging, method.upper())) is shown


def test_a_line_below_the_level_is_turned_away_before_structlog():
    log = logs.get("listener.level")
    configured(level="warning")
    made: list[object] = []
    structlog.configure(logger_factory=lambda *names: made.append(names))

    log.debug("listener.ready")
    log.info("listener.ready")

    assert made == []


def test_whoever_configured_structlog_otherwise_sees_every_line():
    configured(level="error")

    with structlog.testing.capture_logs() as seen:
        logs.get("listener.level").debug("listener.ready", agent="1001")
        logs.get("listener.level").info("listener.ready")

    assert [one["log_level"] for one in seen] == ["debug", "info"]


def test_a_disabled_logger_is_silent():
    stream = configured()
    logging.getLogger("listener.off").disabled = True

    logs.get("listener.off").info("listener.ready")

    assert stream.getvalue() == ""


# ---------------------------------------------------------------- redaction


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "Authorization",
        "access_token",
        "client_secret",
        "sasl",
        "Set-Cookie",
        "dtmf",
        "dtmf_string",
        "dtmfString",
        "credentials",
    ],
)
@pytest.mark.parametrize("given", ["hunter2", 777, ["hunter2"], {"a": "hunter2"}])
def test_secrets_are_hidden_by_their_key(key: str, given: Any):
    for show in (False, True):
        assert redaction.value(key, given, show_numbers=show) == "***"
        assert redaction.value("x", {key: given}, show_numbers=show) == {key: "***"}


def test_counts_and_absence_are_not_secrets():
    assert redaction.value("failures", {"credentials_refused": 40}) == {"credentials_refused": 40}
    assert redaction.value("credentials_refused", "hunter2") == "***"
    assert redaction.value("dtmf_length", 3) == 3
    assert redaction.value("dtmf_length", "777") == "***"
    assert redaction.value("password", None) is None


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Authorization: Basic MTAwMTpwdw==", "Authorization: Basic ***"),
        ("bearer eyJhbGciOi.J9_-x", "bearer ***"),
        (
            "<auth xmlns='x' mechanism='PLAIN'>AAA=</auth>",
            "<auth xmlns='x' mechanism='PLAIN'>***</auth>",
        ),
        ("<auth mechanism='PLAIN'>AAA", "<auth mechanism='PLAIN'>***"),
        ("<ns:response>AAA=</ns:response>", "<ns:response>***</ns:response>"),
        ("<success xmlns='x'/><iq/>", "<success xmlns='x'/><iq/>"),
        ("<dtmfString>777</dtmfString>", "<dtmfString>***</dtmfString>"),
        ("&lt;dtmfString&gt;777&lt;/dtmfString&gt;", "&lt;dtmfString&gt;***&lt;/dtmfString&gt;"),
        ("<dtmfString>77", "<dtmfString>***"),
        ("password='a b', user=x", "password=***, user=x"),
        ('{"token": "abc"}', '{"token": ***}'),
        ("dtmf_string=777)", "dtmf_string=***)"),
        ("&lt;dtmfString a=&apos;1&apos;&gt;777", "&lt;dtmfString a=&apos;1&apos;&gt;***"),
        (
            "<errorMessage>dtmfString 777 is bad</errorMessage><errorData>777</errorData>",
            "<errorMessage>***</errorMessage><errorData>***</errorData>",
        ),
    ],
)
def test_secrets_are_hidden_by_their_looks(given: str, shown: str):
    assert redaction.text(given, show_numbers=True) == shown
    assert redaction.text(given) == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("<toAddress>1001002</toAddress>", "<toAddress>***</toAddress>"),
        (
            "&lt;mediaAddress&gt;1001002&lt;/mediaAddress&gt;",
            "&lt;mediaAddress&gt;***&lt;/mediaAddress&gt;",
        ),
        (
            "<name>callVariable1</name><value>x</value>",
            "<name>callVariable1</name><value>***</value>",
        ),
        ("INVALID_ACTION TRANSFER on extension 2002", "INVALID_ACTION TRANSFER on extension ***"),
        ("call +49 30 1234567 back", "call *** back"),
        ("sip:1001002@example.com", "sip:***@example.com"),
    ],
)
def test_numbers_and_call_data_are_hidden_unless_asked_for(given: str, shown: str):
    assert redaction.text(given) == shown
    assert redaction.text(given, show_numbers=True) == given


@pytest.mark.parametrize(
    "key",
    ["to_address", "fromAddress", "target_media_address", "extension", "callVariable10", "dnis"],
)
def test_numbers_are_hidden_by_their_key(key: str):
    assert redaction.value(key, "1001002") == "***"
    assert redaction.value(key, "1001002", show_numbers=True) == "1001002"


def test_a_constant_of_an_error_stays():
    given = "<errorMessage>PERERR_GW_E_THREADSENDDTMF SEND_DTMF</errorMessage>"
    assert redaction.text(given) == given


def test_what_a_line_needs_stays():
    event = {
        "agent": "1001",
        "dialog": "16804377",
        "request_id": "0193",
        "source": "/finesse/api/Dialog/16804377",
        "action": "SEND_DTMF",
        "seconds": 0.5,
        "ok": True,
    }

    assert {key: redaction.value(key, given) for key, given in event.items()} == event


def test_objects_become_text_before_they_are_looked_at():
    assert redaction.value("error", ValueError("Basic abc")) == "Basic ***"
    assert redaction.value("many", {"a": (b"x", {"c"})}) == {"a": ["b'x'", ["c"]]}


def test_what_is_nested_too_deep_is_hidden_whole():
    deep: Any = "x"
    for _ in range(20):
        deep = {"a": deep}

    assert "x" not in str(redaction.value("a", deep))


def test_a_long_text_is_cut():
    cut = redaction.text("x" * 20_000)

    assert len(cut) < 17_000
    assert cut.endswith(f"... ({20_000 - redaction.LONGEST} characters more)")


def test_many_open_tags_are_no_burden():
    assert redaction.text("<auth><dtmfString>&lt;value&gt;" * 500).startswith("<auth>***")


def test_opting_in_shows_numbers_and_never_digits():
    stream = configured(show_numbers=True)

    logs.get("x").info("request.submitted", to_address="1001002", dtmf="777")

    assert (line(stream)["to_address"], line(stream)["dtmf"]) == ("1001002", "***")
