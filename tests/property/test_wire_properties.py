from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from listener.errors import MalformedUpdate
from listener.finesse.model import (
    ApiError,
    CallVariable,
    Dialog,
    Kind,
    MediaProperties,
    Participant,
    ReasonCode,
    ScheduledCallbackInfo,
    Update,
    User,
)
from listener.finesse.parsed import to_json
from listener.finesse.wire import Document, parse_body, parse_update, read_document, render_update

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

XML_CHARACTERS = st.characters(
    codec="utf-8",
    exclude_characters="\ufffe\uffff" + "".join(chr(n) for n in range(32) if n not in {9, 10, 13}),
)
text = st.text(XML_CHARACTERS, max_size=12)
member = st.none() | text
texts = st.lists(text, max_size=3).map(tuple)
variables = st.lists(st.builds(CallVariable, text, member), max_size=4).map(tuple)
media = st.builds(MediaProperties, *[member] * 11, wrap_up_items=texts, call_variables=variables)
participants = st.builds(Participant, *[member] * 6, actions=texts)
dialogs = st.builds(
    Dialog,
    *[member] * 10,
    scheduled_callback_info=st.none() | st.builds(ScheduledCallbackInfo, member, member),
    media_properties=media,
    participants=st.lists(participants, max_size=2).map(tuple),
)
users = st.builds(
    User,
    *[member] * 9,
    reason_code=st.none() | st.builds(ReasonCode, *[member] * 6),
    roles=texts,
    team_id=member,
    uri=member,
)
errors = st.lists(st.builds(ApiError, *[member] * 7), max_size=3).map(tuple)
envelope = {
    "event": st.none() | st.sampled_from(["PUT", "POST", "DELETE", "SPLAT"]),
    "source": member,
    "request_id": st.none() | text.filter(lambda value: value.strip()),
}
updates = st.one_of(
    st.builds(
        Update,
        st.just(Kind.DIALOG),
        dialogs=st.lists(dialogs, min_size=1, max_size=2).map(tuple),
        **envelope,
    ),
    st.builds(
        Update, st.just(Kind.DIALOGS), dialogs=st.lists(dialogs, max_size=2).map(tuple), **envelope
    ),
    st.builds(Update, st.just(Kind.USER), user=users, **envelope),
    st.builds(Update, st.just(Kind.ERRORS), errors=errors, **envelope),
)

PIECES = [
    *("<Update>", "</Update>", "<data>", "</data>", "<dialog>", "</dialog>", "<dialogs>"),
    *("</dialogs>", "<Dialog>", "</Dialog>", "<id>1</id>", "<callvariables>", "</callvariables>"),
    *("<apiErrors>", "</apiErrors>", "<apiError/>", "<user>", "</user>", "<message>", "</message>"),
    *("<item>", "</item>", "<notification>", "</notification>", "<a:b>", "xmlns='u'", "<?xml ?>"),
    *("<!--", "-->", "<![CDATA[", "]]>", "<!DOCTYPE", "&lt;", "&amp;", "&#0;", "&x;", "<", ">"),
    *("\ufeff", "\0", "\ud800", "é"),
]
soup = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=30).map("".join)


def outcome(read: Callable[[Any], Any], payload: Any):
    try:
        return read(payload)
    except MalformedUpdate as refused:
        return refused


@given(st.binary(max_size=300) | soup.map(lambda s: s.encode("utf-8", "surrogatepass")) | soup)
@settings(max_examples=300, deadline=None)
def test_anything_is_an_update_or_a_malformed_update(payload: Any):
    for read in (parse_update, parse_body):
        assert isinstance(outcome(read, payload), Update | MalformedUpdate)
    if isinstance(payload, bytes):
        assert isinstance(read_document(payload), Document)
        shown = to_json("x", payload)
        assert shown["ok"] is (shown["problem"] is None)


@given(updates)
@settings(max_examples=150, deadline=None)
def test_what_is_rendered_parses_back_to_the_same(update: Update):
    assert parse_update(render_update(update)) == update


@given(updates, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_case_of_tags_does_not_matter(update: Update, random: Random):
    spelled = {}

    def any_case(found: re.Match[str]) -> str:
        name = found[1]
        if name not in spelled:
            spelled[name] = "".join(random.choice((c.lower(), c.upper())) for c in name)
        return found[0].replace(name, spelled[name])

    other = re.sub(r"</?(\w+)>", any_case, render_update(update))
    assert parse_update(other) == update


@given(updates, st.integers(0, 10_000), st.integers(0, 20))
@settings(max_examples=150, deadline=None)
def test_a_cut_or_holed_update_never_raises_anything_else(update: Update, place: int, width: int):
    whole = render_update(update)
    at = place % len(whole)
    for damaged in (whole[:at], whole[:at] + whole[at + width :]):
        assert isinstance(outcome(parse_update, damaged), Update | MalformedUpdate)


@given(st.lists(st.tuples(text, text), max_size=5))
@settings(max_examples=100, deadline=None)
def test_variables_read_from_text_and_from_the_tree_are_the_same(pairs: list[tuple[str, str]]):
    given = tuple(CallVariable(*pair) for pair in pairs)
    made = Dialog(media_properties=MediaProperties(call_variables=given))
    plain = render_update(Update(Kind.DIALOG, dialogs=(made,)))
    walked = plain.replace("<data>", "<data><!-- no short cut -->")
    assert parse_update(plain) == parse_update(walked)
    assert parse_update(plain).dialogs == (made,)


PIECES = (
    *("<CallVariable><name>", "</name><value>", "</value></CallVariable>", "<CallVariable>"),
    *("</CallVariable>", "<name>", "</name>", "<value>", "</value>", "<value/>", "a", "b > c", " "),
    *("&amp;", "\r", "<!-- -->", "<?p?>", "<![CDATA[<name>]]>", "callvariables", "<x></x>"),
    *("<callvariables>", "</callvariables>"),
)
PLAIN = "<CallVariable><name>n</name><value>v</value></CallVariable>"


@given(st.lists(st.sampled_from((*PIECES, PLAIN, PLAIN, PLAIN)), max_size=8))
@settings(max_examples=400, deadline=None)
def test_any_block_of_variables_means_what_the_tree_says(pieces: list[str]):
    block = "".join(pieces)
    plain = (
        f"<Update><data><dialog><mediaProperties><callvariables>{PLAIN}{block}{PLAIN}"
        "</callvariables></mediaProperties></dialog></data></Update>"
    )
    walked = plain.replace("<data>", "<data><!-- no short cut -->")
    short, long = outcome(parse_update, plain), outcome(parse_update, walked)
    assert short == long or (type(short) is type(long) is MalformedUpdate)
