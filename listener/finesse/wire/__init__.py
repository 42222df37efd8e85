"""The only place that knows XML and lxml: bytes into updates, bodies into bytes.

`parse_update`, `parse_body` and `read_element` raise MalformedUpdate and nothing else;
`read_document` raises nothing; `render`, `render_update` and `render_body` raise InvalidRequest.
"""

from listener.finesse.wire.limits import PAYLOAD, STANZA, Limits
from listener.finesse.wire.read import parse_body, parse_update
from listener.finesse.wire.stanza import Document, read_document
from listener.finesse.wire.write import (
    dialog_element,
    error_element,
    read_element,
    render,
    render_body,
    render_update,
    user_element,
)

__all__ = [
    "PAYLOAD",
    "STANZA",
    "Document",
    "Limits",
    "dialog_element",
    "error_element",
    "parse_body",
    "parse_update",
    "read_document",
    "read_element",
    "render",
    "render_body",
    "render_update",
    "user_element",
]
