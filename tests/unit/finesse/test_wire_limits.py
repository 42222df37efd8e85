from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from listener.errors import MalformedUpdate
from listener.finesse.wire import PAYLOAD, parse_body, parse_update
from listener.finesse.wire.limits import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UPDATE = "<Update><data><dialog><id>{}</id></dialog></data></Update>"


def refusal(payload: Any, read: Callable[[Any], Any] = parse_update):
    with pytest.raises(MalformedUpdate) as refused:
        read(payload)
    return refused.value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<!DOCTYPE Update><Update/>", "dtd"),
        ("<!doctype html><html/>", "dtd"),
        ("\ufeff \n<!-- c --><?pi x?>\n<!DOCTYPE Update SYSTEM 'file:///x'><Update/>", "dtd"),
        ("<?xml version='1.0'?><!DOCTYPE Update [<!ENTITY a 'b'>]><Update>&a;</Update>", "entity"),
        ("<Update>&unheard;</Update>", "not_well_formed"),
        ("<Update>a & b</Update>", "not_well_formed"),
        ("<Update><data></Update>", "not_well_formed"),
        ("<Update/><Update/>", "not_well_formed"),
        ("<Update/>garbage", "not_well_formed"),
        ("<x:Update/>", "not_well_formed"),
        ("<Update x:a='1'/>", "not_well_formed"),
        ("<Update>\0</Update>", "not_well_formed"),
        ("<Update>&#0;</Update>", "not_well_formed"),
        ("<Update>\x0b</Update>", "not_well_formed"),
        ("<!-- never closed <Update/>", "not_well_formed"),
        ("", "not_well_formed"),
        (" \n\ufeff", "not_well_formed"),
        ("hello", "not_well_formed"),
        ("<?xml version='1.0'><Update/>", "not_well_formed"),
        ("<Update/>" + "<!-- x -->" * 1000 + "<!DOCTYPE a>", "not_well_formed"),
        ("<!-- x -->" * 5000 + "<!DOCTYPE a>", "dtd"),
        ("<Update>\ud800</Update>", "encoding"),
    ],
)  # fmt: skip
def test_what_is_refused_is_refused_by_name(text: str, reason: str):
    assert refusal(text).reason == reason


def test_doctype_as_text_is_only_text():
    inside = "&lt;!DOCTYPE x&gt;<![CDATA[<!DOCTYPE y [<!ENTITY>]>]]>"
    found = parse_update("<!-- <!DOCTYPE z> -->" + UPDATE.format(inside))
    assert found.dialogs[0].id == "<!DOCTYPE x><!DOCTYPE y [<!ENTITY>]>"


def test_a_problem_is_placed_by_line_and_column_of_the_document_as_given():
    document = "\n<!-- c -->\n<?xml version='1.0'\n?>\n<Update>\n <data>&</data></Update>"
    assert "line 6, column 9: " in str(refusal(document))


@pytest.mark.parametrize(
    "document",
    [
        UPDATE.format("5").encode(),
        b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>" + UPDATE.format("5").encode(),
        b" \n<?xml version='1.0' encoding=\"us-ascii\"?>" + UPDATE.format("5").encode(),
        f"<?xml version='1.0' encoding='utf-16'?>{UPDATE.format('5')}".encode("utf-16"),
        f"<?xml version='1.0' encoding='who-knows'?>{UPDATE.format('5')}",
        f"<!-- c -->\n<?xml version='1.0'?>\n{UPDATE.format('5')}",
    ],
)
def test_known_encodings_are_read(document: Any):
    assert parse_update(document).dialogs[0].id == "5"


@pytest.mark.parametrize(("name", "sign"), [("ISO-8859-1", "é"), ("windows-1252", "€")])
def test_declared_single_byte_encodings_are_obeyed(name: str, sign: str):
    text = f"<?xml version='1.0' encoding='{name}'?>{UPDATE.format(sign)}"
    assert parse_update(text.encode(name)).dialogs[0].id == sign


@pytest.mark.parametrize(
    "document",
    [
        b"<Update>\xff</Update>",
        b"<?xml version='1.0' encoding='us-ascii'?><Update>\xe9</Update>",
        b"<?xml version='1.0' encoding='utf-7'?><Update>+ADw-!DOCTYPE+AD4-</Update>",
        b"<?xml version='1.0' encoding='utf-16'?><Update/>",
        b"<?xml version='1.0' encoding='no-such-thing'?><Update/>",
        b"<?xml version='1.0' encoding=''?><Update/>",
        "<Update/>".encode("utf-32"),
        b"\xff\xfe<\x00U",
        b"\xff\xfe\x00\xd8<\x00",
    ],
)
def test_other_encodings_and_broken_bytes_are_refused(document: Any):
    assert refusal(document).reason in {"encoding", "not_well_formed"}
    if not document.startswith(b"\xff\xfe<\x00U"):
        assert refusal(document).reason == "encoding"


@pytest.mark.parametrize("piece", ["<!-- x -->", "<?x ?>", " ", "<!--", "<?xml encoding= "])
def test_a_long_prolog_takes_no_more_than_linear_time(piece: str):
    text = piece * ((PAYLOAD.bytes - 20) // len(piece)) + "<Update/>"
    if piece in {"<!--", "<?xml encoding= "}:
        assert refusal(text.encode()).reason == "not_well_formed"
    else:
        assert parse_update(text.encode()).kind == "empty"


def test_size_is_bounded_in_bytes():
    room = PAYLOAD.bytes - len(UPDATE.format(""))
    assert len(parse_update(UPDATE.format("x" * room)).dialogs[0].id) == room
    for text in (UPDATE.format("x" * (room + 1)), UPDATE.format("é" * (room // 2 + 1))):
        assert refusal(text).reason == "too_big"
        assert refusal(text.encode()).reason == "too_big"


def nested(depth: int):
    return "<Update>" + "<a>" * (depth - 1) + "</a>" * (depth - 1) + "</Update>"


def test_depth_is_bounded():
    assert parse_update(nested(64)).kind == "empty"
    for depth in (65, 255, 300, 100_000):
        assert refusal(nested(depth)).reason == "too_deep"


def test_elements_are_bounded():
    most = "<Update>" + "<a/>" * (PAYLOAD.elements - 1)
    assert parse_update(most + "</Update>").kind == "empty"
    assert refusal(most + "<a/></Update>").reason == "too_many_elements"
    assert parse_update(UPDATE.format("<![CDATA[" + "<" * 30_000 + "]]>")).dialogs


def test_parsing_touches_no_file_and_no_network(tmp_path: Path):
    bait = tmp_path / "bait"
    bait.write_text("bait")
    seen = []
    watching = [True]

    def hook(name: str, args: object) -> None:
        if watching[0] and name.startswith(("open", "socket", "subprocess", "os.", "urllib")):
            seen.append((name, args))

    sys.addaudithook(hook)
    try:
        for text in (
            UPDATE.format("1"),
            f"<!DOCTYPE Update SYSTEM 'file://{bait}'><Update/>",
            f"<!DOCTYPE Update [<!ENTITY x SYSTEM 'file://{bait}'>]><Update>&x;</Update>",
            "<!DOCTYPE Update SYSTEM 'http://127.0.0.1:9/x.dtd'><Update/>",
            f"<U xmlns:i='http://www.w3.org/2001/XInclude'><i:include href='{bait}'/></U>",
            f"<?xml-stylesheet href='file://{bait}'?><Update/>",
        ):
            for read in (parse_update, parse_body, load):
                with contextlib.suppress(MalformedUpdate):
                    read(text)
    finally:
        watching[0] = False
    assert seen == []
