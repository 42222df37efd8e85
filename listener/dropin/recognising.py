"""What a client asks, and whose request it is.

Knows bodies, paths and credentials; sends nothing but the question whether a password is right.
"""

from __future__ import annotations

from listener.dropin.calls import Call
from listener.dropin.contract import Tracker
from listener.dropin.sessions import Found, Sessions, Why
from listener.errors import MalformedUpdate
from listener.finesse import uris
from listener.finesse.actions import recognise
from listener.finesse.actions.request import Request
from listener.finesse.body import Element
from listener.finesse.wire import read_element
from listener.rest.forwarder import Content

MAX_KNOWN = 256 * 1024
"""Bytes of a body that is read to recognise it; Finesse's own are of a few thousand at most."""


def element_in(content: Content) -> Element | None:
    """Return the body as a value; None for one that is no XML, is too big, or is not there."""
    if not isinstance(content, bytes) or not content.strip():
        return None
    try:
        return read_element(content)
    except MalformedUpdate:
        return None


def request_in(call: Call, agent: str, element: Element | None) -> Request:
    """Return the request, as one of the known classes or as one known by its id alone."""
    return recognise(element, agent=agent, method=call.method, path=call.path)


async def whose(
    call: Call, element: Element | None, *, sessions: Sessions, tracker: Tracker
) -> Found:
    """Say whose request it is: the Basic user's, else the agent's whom path or device names."""
    if call.pair is not None:
        return await sessions.agent_of(call.pair)
    named = uris.place(call.path).user
    if named is not None and tracker.held(named):
        return Found(named)
    device = element.only_text("targetMediaAddress") if element is not None else None
    agent = tracker.agent_with(device.strip()) if device and device.strip() else None
    return Found(agent) if agent is not None else Found(None, Why.NO_AGENT)
