"""How a publication looks to an agent, by server and way; `tests/integration/quirks.py` names why.

An owner's item is worded by the server, a component's by us: of that every byte is kept, but for
CDATA, which is text when it comes out. The program reads each alike (`test_publishers`).
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from listener.simulator.interfaces import Form
from listener.simulator.pubsub import EVENT, PUBSUB
from listener.simulator.xmpp_xml import Element
from tests.integration import quirks
from tests.integration.publishing.component import ComponentPublisher
from tests.integration.publishing.test_publishers import served, ways


class Look(NamedTuple):
    """What servers differ in."""

    kind: str | None
    has_id: bool
    namespaces: set[str]  # of `notification` and of all that is in it


def expected(server: str, way: str) -> Look:
    if way == "component":
        return Look(None, has_id=True, namespaces={PUBSUB})
    return Look(
        "headline" if quirks.HEADLINE.holds(server) else None,
        has_id=not quirks.WITHOUT_ID.holds(server),
        namespaces={EVENT if quirks.REENCODED.holds(server) else PUBSUB},
    )


def names(element: Element) -> set[str]:
    return {element.name}.union(*map(names, element.children))


def look(message: Element) -> Look:
    (event,) = message.children
    (item,) = event.children[0].children
    namespaces = {name.partition("}")[0].removeprefix("{") for name in names(item.children[0])}
    return Look(message.attributes.get("type"), "id" in message.attributes, namespaces)


@ways
async def test_messages_look_as_the_table_says(server, way):
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
    looks = [look(each) for each in heard if each.local == "message"]
    assert looks == [expected(server.name, way)] * len(Form)


async def test_a_component_cannot_speak_for_a_user(server):
    async with served(server, "component") as (side, agent):
        with pytest.raises(ConnectionError):
            await side.send_from(side.bare(agent.user), agent.user, agent.node, agent.update())


async def test_a_second_component_of_one_name(server):
    async with served(server, "component"):
        second = ComponentPublisher(server, {})
        if quirks.ONE_COMPONENT.holds(server.name):
            with pytest.raises(ConnectionError):
                await second.open_line()
        else:
            await (await second.open_line()).close()
