from __future__ import annotations

from typing import Any

import pytest

from listener.errors import MalformedUpdate
from listener.finesse.model import Kind, Notification
from listener.finesse.wire import read_document
from listener.finesse.wire.read import ESCAPED_TWICE

UPDATE = "<Update><data><dialog><id>5</id></dialog></data><event>PUT</event></Update>"
ESCAPED = UPDATE.replace("<", "&lt;")
NODE = "/finesse/api/User/1001/Dialogs"


def stanza(items: str, top: str = "message from='pubsub.example' to='1001@example'"):
    event = f"<event xmlns='urn:e'><items node='{NODE}'>{items}</items></event>"
    return f"<{top}>{event}</{top.split(maxsplit=1)[0]}>".encode()


def item(payload: Any, number: int = 1):
    return f"<item id='i{number}'><notification xmlns='urn:n'>{payload}</notification></item>"


@pytest.mark.parametrize(
    "payload", [UPDATE, ESCAPED, f"<![CDATA[{UPDATE}]]>", f"\n {UPDATE}\n", f"\n {ESCAPED}\n"]
)
def test_every_form_of_payload_is_the_same_update(payload: Any):
    document = read_document(stanza(item(payload)))
    ((notification, update),) = document.notifications
    assert document.form == "stanza"
    assert (update.kind, update.event, update.dialogs[0].id) == (Kind.DIALOG, "PUT", "5")
    assert (notification.node, notification.item_id) == (NODE, "i1")
    assert (notification.sender, notification.recipient) == ("pubsub.example", "1001@example")
    assert "<dialog" in notification.payload


def test_several_items_are_each_read_and_one_that_is_broken_spoils_none():
    items = item(ESCAPED) + item("&lt;Update", 2) + "<item id='i3'/>" + item(UPDATE, 4)
    found = read_document(stanza(items)).notifications
    assert [notification.item_id for notification, _ in found] == ["i1", "i2", "i3", "i4"]
    reasons = [u.reason if isinstance(u, MalformedUpdate) else u.kind for _, u in found]
    assert reasons == ["dialog", "not_well_formed", "not_an_update", "dialog"]


@pytest.mark.parametrize(
    ("piece", "where"),
    [
        (f"<event><items node='n'>{item(ESCAPED)}</items></event>", ("n", "i1")),
        (f"<items node='n'>{item(ESCAPED)}</items>", ("n", "i1")),
        (item(ESCAPED), ("", "i1")),
        (f"<item>{item(ESCAPED)}</item>", ("", "i1")),
        (f"<notification>{ESCAPED}</notification>", ("", None)),
        (f"<items node='n'><item id='x'>{UPDATE}</item></items>", ("n", "x")),
        (f"<body><message>{item(ESCAPED)}<text/></message></body>", ("", "i1")),
    ],
)
def test_pieces_of_a_stanza_are_understood(piece: str, where: object):
    document = read_document(piece.encode())
    ((notification, update),) = document.notifications
    assert (document.form, update.kind) == ("stanza", Kind.DIALOG)
    assert (notification.node, notification.item_id) == where


def test_an_iq_answer_names_its_sender_too():
    answer = stanza(item(ESCAPED), "iq from='p' to='q'")
    ((notification, _),) = read_document(answer).notifications
    assert (notification.sender, notification.recipient) == ("p", "q")


def test_a_stanza_without_items_says_so():
    document = read_document(b"<message><body>hello</body></message>")
    ((notification, refused),) = document.notifications
    assert (document.form, notification) == ("stanza", None)
    assert str(refused) == "<message> holds no pubsub item"


@pytest.mark.parametrize(
    ("text", "form", "kind"),
    [
        (UPDATE, "update", Kind.DIALOG),
        (f"\ufeff<!-- made up -->\n{UPDATE}", "update", Kind.DIALOG),
        ("<Dialogs/>", "body", Kind.DIALOGS),
        ("<apiError/>", "body", Kind.ERRORS),
    ],
)
def test_an_update_or_a_body_alone_is_one_pair_without_notification(
    text: str, form: str, kind: Kind
):
    document = read_document(text.encode())
    ((notification, update),) = document.notifications
    assert (document.form, notification, update.kind) == (form, None, kind)


def test_a_document_that_is_escaped_as_a_whole_is_noted():
    ((_, update),) = read_document(ESCAPED.encode()).notifications
    assert (update.kind, update.notes) == (Kind.DIALOG, (ESCAPED_TWICE,))


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "not_well_formed"),
        (b"<message><event>", "not_well_formed"),
        (b"\xff\xfe\xff", "encoding"),
        (b"<!DOCTYPE a><message/>", "dtd"),
        (b"<html/>", "not_an_update"),
        (b"<Update>" + b"x" * (1 << 20) + b"</Update>", "too_big"),
        (b" " * (9 << 20), "too_big"),
    ],
)
def test_a_document_that_cannot_be_read_is_unknown(octets: bytes, reason: str):
    document = read_document(octets)
    ((notification, refused),) = document.notifications
    assert (document.form, notification, refused.reason) == ("unknown", None, reason)


def test_limits_hold_for_each_payload_of_a_stanza():
    big = "<Update>" + "x" * (1 << 20) + "</Update>"
    ((notification, refused), (_, update)) = read_document(
        stanza(item(big) + item(UPDATE, 2))
    ).notifications
    assert isinstance(notification, Notification)
    assert (refused.reason, update.kind) == ("too_big", Kind.DIALOG)
