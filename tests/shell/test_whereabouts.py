"""Where Finesse is: one question for all, no trouble that outlives its question."""

from __future__ import annotations

import asyncio

import pytest

from listener.errors import CredentialsRefused, NotFinesse, Unreachable
from listener.finesse.model import SystemInfo
from listener.settings import Settings
from listener.whereabouts import Whereabouts

GOOD = SystemInfo(
    status="IN_SERVICE", xmpp_domain="example.com", deployment_type="UCCE", xmpp_pub_sub_domain=None
)
OUT = SystemInfo(status="OUT_OF_SERVICE", xmpp_domain="example.com")
FIRST, SECOND = "https://one.example.com:8445", "https://two.example.com:8445"


class Rest:
    """Answers for each node what the test says; counts; waits at `gate`."""

    def __init__(self) -> None:
        self.says = {FIRST: GOOD, SECOND: GOOD}
        self.refuses: set[str] = set()
        self.asked: list[tuple[str, str | None]] = []
        self.preferred: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.locked = False

    async def system_info(self, *, agent=None, node) -> SystemInfo:
        self.asked.append((node, agent))
        await self.gate.wait()
        if self.locked and (agent is None or agent in self.refuses):
            raise CredentialsRefused(f"{agent} refused")
        told = self.says[node]
        if isinstance(told, Exception):
            raise told
        return told

    def prefer(self, node) -> None:
        self.preferred.append(node)


class Rig:
    def __init__(self, nodes=(FIRST,), **finesse) -> None:
        self.rest, self.learnt = Rest(), []
        told = Settings(
            finesse={"nodes": list(nodes)} | finesse, agents=[{"id": "1001", "password": "x"}]
        )
        self.where = Whereabouts(told, self.rest, self.learnt.append)


async def test_good_answer_names_the_place_and_the_deployment():
    rig = Rig()
    with pytest.raises(Unreachable, match="no Finesse node"):
        _ = rig.where.endpoint
    await rig.where.in_service("1001")
    place = rig.where.endpoint
    assert (place.host, place.port, place.domain) == ("one.example.com", 5223, "example.com")
    assert (place.pubsub_domain, place.security) == ("pubsub.example.com", "tls")
    assert (rig.learnt, rig.rest.preferred) == (["UCCE"], [FIRST])


async def test_deployment_of_the_settings_outranks_what_finesse_says():
    rig = Rig(deployment="UCCX")
    await rig.where.in_service("1001")
    assert rig.learnt == ["UCCX"]


async def test_finesse_that_names_no_deployment_teaches_none():
    rig = Rig()
    rig.rest.says[FIRST] = SystemInfo(status="IN_SERVICE", xmpp_domain="d", xmpp_pub_sub_domain="p")
    await rig.where.in_service("1001")
    assert (rig.learnt, rig.where.endpoint.pubsub_domain) == ([], "p")


async def test_one_question_serves_all_who_wait_and_who_come_soon_after():
    rig = Rig()
    rig.rest.gate.clear()
    crowd = [asyncio.create_task(rig.where.in_service(str(n))) for n in range(200)]
    await asyncio.sleep(0.01)
    rig.rest.gate.set()
    await asyncio.gather(*crowd)
    await rig.where.in_service("late")
    assert len(rig.rest.asked) == 1


async def test_trouble_is_told_to_all_who_waited_and_to_nobody_after():
    rig = Rig()
    rig.rest.says[FIRST] = OUT
    rig.rest.gate.clear()
    crowd = [asyncio.create_task(rig.where.in_service(str(n))) for n in range(20)]
    await asyncio.sleep(0.01)
    rig.rest.gate.set()
    ends = await asyncio.gather(*crowd, return_exceptions=True)
    assert {str(end) for end in ends} == {"Finesse at one.example.com says OUT_OF_SERVICE"}
    assert len(rig.rest.asked) == 1
    rig.rest.says[FIRST] = GOOD
    await rig.where.in_service("1001")
    assert len(rig.rest.asked) == 2


@pytest.mark.parametrize(
    ("told", "error", "words"),
    [
        (SystemInfo(status=None, xmpp_domain="d"), Unreachable, "no status"),
        (SystemInfo(status="IN_SERVICE"), NotFinesse, "names no xmppDomain"),
        (NotFinesse("a shop"), NotFinesse, "a shop"),
    ],
)
async def test_answer_that_is_of_no_use_is_raised_in_words(told, error, words):
    rig = Rig()
    rig.rest.says[FIRST] = told
    with pytest.raises(error, match=words):
        await rig.where.in_service("1001")


async def test_second_node_serves_when_the_first_does_not_and_is_asked_first_then():
    rig = Rig((FIRST, SECOND))
    rig.rest.says[FIRST] = Unreachable("dead")
    await rig.where.in_service("1001")
    place = rig.where.endpoint
    assert place.host == "two.example.com"
    await rig.where.still("1001", place)
    assert [node for node, _ in rig.rest.asked] == [FIRST, SECOND, SECOND]


async def test_blamed_node_is_asked_last_until_the_other_is_blamed():
    rig = Rig((FIRST, SECOND))
    await rig.where.in_service("1001")
    first = rig.where.endpoint
    assert rig.where.blame(first)
    await rig.where.in_service("1001")
    second = rig.where.endpoint
    assert (first.host, second.host) == ("one.example.com", "two.example.com")
    rig.where.blame(first)  # late news of an attempt that was made before
    await rig.where.in_service("1001")
    assert rig.where.endpoint == second
    rig.where.blame(second)
    await rig.where.in_service("1001")
    assert rig.where.endpoint == first


async def test_the_only_node_is_not_blamed():
    rig = Rig()
    await rig.where.in_service("1001")
    assert not rig.where.blame(rig.where.endpoint)
    await rig.where.in_service("1001")
    assert len(rig.rest.asked) == 1


async def test_when_no_node_serves_the_trouble_of_the_first_is_told():
    rig = Rig((FIRST, SECOND))
    rig.rest.says = {FIRST: Unreachable("dead"), SECOND: OUT}
    with pytest.raises(Unreachable, match="dead"):
        await rig.where.in_service("1001")


async def test_session_is_confirmed_only_by_an_answer_asked_for_since():
    rig = Rig()
    await rig.where.in_service("1001")
    place = rig.where.endpoint
    rig.rest.says[FIRST] = OUT
    await rig.where.in_service("1001")
    with pytest.raises(Unreachable, match="OUT_OF_SERVICE"):
        await rig.where.still("1001", place)


async def test_session_at_a_node_that_is_not_in_use_any_more_is_refused():
    rig = Rig((FIRST, SECOND))
    await rig.where.in_service("1001")
    place = rig.where.endpoint
    rig.rest.says[FIRST] = OUT
    with pytest.raises(Unreachable, match=r"one\.example\.com is not the node"):
        await rig.where.still("1001", place)


async def test_credentials_go_along_only_where_they_are_wanted():
    rig = Rig()
    rig.rest.locked = True
    await rig.where.in_service("1001")
    assert rig.rest.asked == [(FIRST, None), (FIRST, "1001")]


async def test_refused_password_of_one_agent_is_not_anothers_trouble():
    rig = Rig((FIRST, SECOND))
    rig.rest.locked, rig.rest.refuses = True, {"bad"}
    bad = asyncio.create_task(rig.where.in_service("bad"))
    good = asyncio.create_task(rig.where.in_service("good"))
    with pytest.raises(CredentialsRefused, match="bad refused"):
        await bad
    await good
    assert [one for one in rig.rest.asked if one[1] == "bad"] == [(FIRST, "bad")]
