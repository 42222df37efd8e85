"""What the same publication looks like on the wire, by server and way: the list of differences.

Each is read by the program alike (`test_publishers`, `tests/integration/test_scene.py`). A server
of another version that differs from the list is no bug of ours; the list is then to be changed.

- As an owner's item, ejabberd moves the payload into pubsub's event namespace, child elements too,
  and gives the message no id; prosody keeps both. Owners' items are headlines, so sessions of any
  priority from 0 on hear them; a component's messages have no type and go to the highest alone.
- Through a component every byte of the payload is kept (CDATA becomes text everywhere).
- ejabberd may tell an agent of `finesse` after the first events; prosody does so before.
- A component may send from its own domain alone: a message from a user's JID, as UCCX writes them,
  ends its stream on both servers.
- A second component of the same name is a conflict for prosody; ejabberd lets both in and shares
  what comes between them.
- Over direct TLS prosody refuses a host name (SNI) that it does not serve, also one that its
  certificate holds; ejabberd takes any. An address instead of a name is sent to neither.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from listener.simulator.interfaces import Form
from listener.simulator.pubsub import EVENT, PUBSUB
from listener.simulator.xmpp_xml import Element
from tests.integration.publishing.component import ComponentPublisher
from tests.integration.publishing.stream import Stream
from tests.integration.publishing.test_publishers import served, ways


class Look(NamedTuple):
    """How a message looks to an agent."""

    kind: str | None
    has_id: bool
    namespaces: set[str]  # of `notification` and what is in it


FROM_A_COMPONENT = Look(None, has_id=True, namespaces={PUBSUB})
QUIRKS = {
    ("prosody", "owner"): Look("headline", has_id=True, namespaces={PUBSUB}),
    ("ejabberd", "owner"): Look("headline", has_id=False, namespaces={EVENT}),
    ("prosody", "component"): FROM_A_COMPONENT,
    ("ejabberd", "component"): FROM_A_COMPONENT,
}


def _names(element: Element) -> set[str]:
    found = {element.name}
    for child in element.children:
        found |= _names(child)
    return found


def _look(message: Element) -> Look:
    (event,) = message.children
    (item,) = event.children[0].children
    namespaces = {name.partition("}")[0].removeprefix("{") for name in _names(item.children[0])}
    return Look(message.attributes.get("type"), "id" in message.attributes, namespaces)


@ways
async def test_messages_look_as_listed(server, way):
    heard: list[Element] = []
    async with served(server, way) as (side, agent):
        stream = await side.sign_in(agent.user, "raw", heard.append)
        stream.send("<presence/>")
        await side.roll.until(lambda: side.present(agent.user))
        for form in Form:
            assert await side.publish(agent.node, agent.update(), form=form) == 1
        ping = "<ping xmlns='urn:xmpp:ping'/>"
        await stream.ask("get", side.domain, ping, look=lambda _: None)
        await stream.close()
    looks = [_look(each) for each in heard if each.local == "message"]
    assert looks == [QUIRKS[server.name, way]] * len(Form)


async def test_a_component_cannot_speak_for_a_user(server):
    async with served(server, "component") as (side, agent):
        with pytest.raises(ConnectionError):
            await side.send_from(side.bare(agent.user), agent.user, agent.node, agent.update())


async def test_two_components_of_one_name(server):
    async with served(server, "component") as (_side, _agent):
        second = ComponentPublisher(server, {})
        if server.name == "prosody":
            with pytest.raises(ConnectionError):
                await second.open_line()
        else:
            stream: Stream = await second.open_line()
            await stream.close()
