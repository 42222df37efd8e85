"""The supervisor of one agent where another node is used from now on, and what it aims at."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from listener.errors import CredentialsRefused, Unreachable
from listener.xmpp.contract import Cause, Ending
from listener.xmpp.handshakes import Handshakes
from listener.xmpp.link import Link, LinkState
from listener.xmpp.policy import Backoff
from tests.shell.stage import no_tasks_left, until

FAST = Backoff(base=0.001, cap=0.004, slow=0.01)
NEVER = Backoff(base=1000, cap=1000, slow=1000)
LOST = Ending(Cause.LINK_LOST, "cut")


class Session:
    """A session at a node, whose opening and end the test decides."""

    def __init__(self, house: House, host: str) -> None:
        self.house, self.host = house, host
        self.end: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self.is_open = False

    async def open(self) -> None:
        await self.house.go.wait()
        if (refusal := self.house.refuses.get(self.host)) is not None:
            raise refusal
        self.is_open = True
        self.house.story.append(("opened", self.host))

    async def closed(self) -> Ending:
        return await asyncio.shield(self.end)

    async def close(self, *, graceful: bool = True) -> None:
        if self.is_open:
            self.house.story.append(("closed" if graceful else "cut", self.host))
        self.is_open = False
        if not self.end.done():
            self.end.set_result(Ending(Cause.CLOSED_BY_US, "closed by us"))


class House:
    """Two nodes, the aim at one of them, and an owner who writes down what happens."""

    def __init__(self, backoff: Backoff) -> None:
        self.used = "a"
        self.news = asyncio.Event()
        self.made: list[Session] = []
        self.refuses: dict[str, Exception] = {}
        self.story: list[tuple[str, str]] = []
        self.go, self.ready_now = asyncio.Event(), asyncio.Event()
        self.go.set()
        self.ready_now.set()
        self.waited: list[float] = []
        self.missing: list[str] = []
        self.reconciles = None
        self.link = Link(
            "1001",
            make_session=self._make,
            events=self,
            backoff=backoff,
            gate=Handshakes(1),
            random=lambda: 1.0,
            aim=self,
        )

    def _make(self) -> Session:
        self.made.append(Session(self, self.used))
        return self.made[-1]

    def use(self, host: str) -> None:
        self.used = host
        news, self.news = self.news, asyncio.Event()
        news.set()

    async def ready(self, waited) -> None:
        self.waited.append(waited)
        await self.ready_now.wait()

    async def left(self, session) -> None:
        while not self.is_left(session):
            await self.news.wait()

    def is_left(self, session) -> bool:
        return session.host != self.used

    def missed(self, session, trouble) -> None:
        self.missing.append(session.host)

    def stayed(self) -> None:
        self.story.append(("stayed", self.used))

    async def opened(self, session) -> None:
        if self.reconciles is not None:
            await self.reconciles(session)
        self.story.append(("heard", session.host))

    def lost(self, trouble, retry_in) -> None:
        self.story.append(("lost", str(retry_in)))

    def stopped(self, reason) -> None:
        self.story.append(("stopped", reason))

    async def told(self, *news) -> None:
        await until(lambda: self.story[-len(news) :] == list(news))

    @property
    def there(self) -> list[str]:
        return [session.host for session in self.made if session.is_open]


@asynccontextmanager
async def housed(backoff=FAST):
    with no_tasks_left():
        house = House(backoff)
        running = asyncio.create_task(house.link.run())
        try:
            yield house
        finally:
            await house.link.close()
            await running
            assert house.there == []


@asynccontextmanager
async def at_a(backoff=FAST):
    """Begin with a session at a."""
    async with housed(backoff) as house:
        await house.told(("opened", "a"), ("heard", "a"))
        yield house


# -- moving ---------------------------------------------------------------------------------------


async def test_new_session_is_there_before_the_old_one_says_goodbye():
    async with at_a() as house:
        house.use("b")
        await until(lambda: ("heard", "b") in house.story and ("closed", "a") in house.story)
        order = [step for step in house.story if step[0] in {"opened", "closed"}]
        assert order == [("opened", "a"), ("opened", "b"), ("closed", "a")]
        assert not any(step[0] == "lost" for step in house.story)
        assert (house.link.state, house.there) == (LinkState.UP, ["b"])


async def test_old_session_stays_while_the_new_one_cannot_be_made():
    async with at_a() as house:
        house.refuses["b"] = Unreachable("not yet")
        house.use("b")
        await until(lambda: len(house.missing) >= 3)
        assert (house.there, house.link.last_error) == (["a"], "not yet")
        house.refuses.clear()
        await house.told(("opened", "b"), ("closed", "a"), ("heard", "b"))


async def test_password_refused_at_the_other_node_is_tried_once_and_the_old_session_stays():
    async with at_a() as house:
        house.refuses["b"] = CredentialsRefused("no")
        house.use("b")
        await until(lambda: house.missing == ["b"])
        await asyncio.sleep(FAST.cap * 5)
        assert (house.missing, house.there) == (["b"], ["a"])
        house.refuses.clear()
        house.link.credentials_changed()
        await until(lambda: house.there == ["b"])


async def test_password_refused_at_the_other_node_is_told_and_stops_the_link_in_sight():
    async with at_a() as house:
        house.refuses["b"] = CredentialsRefused("no")
        house.use("b")
        await until(lambda: ("stopped", "no") in house.story)
        assert (house.link.state, house.link.last_error) == (LinkState.STOPPED, "no")
        assert (house.there, ("stayed", "b") in house.story) == (["a"], True)
        house.link.renew()  # the node that was left is used again
        await until(lambda: house.link.state is LinkState.UP)


async def test_password_refused_at_the_other_node_is_not_tried_again_when_the_session_is_lost():
    async with at_a() as house:
        house.refuses["b"] = CredentialsRefused("no")
        house.use("b")
        await until(lambda: house.link.state is LinkState.STOPPED)
        house.made[0].end.set_result(LOST)
        await until(lambda: ("lost", "None") in house.story)
        await asyncio.sleep(FAST.cap * 5)
        assert (house.link.state, len(house.made)) == (LinkState.STOPPED, 2)
        house.refuses.clear()
        house.link.credentials_changed()
        await until(lambda: house.there == ["b"])


async def test_attempt_at_a_node_that_was_left_holds_the_gate_no_longer():
    async with housed(NEVER) as house:
        house.go.clear()
        await until(lambda: len(house.made) == 1)
        house.use("b")
        await until(lambda: len(house.made) == 2)
        house.go.set()
        await until(lambda: house.link.state is LinkState.UP)
        assert (house.there, house.missing) == (["b"], ["a"])
        assert not any(kind == "lost" for kind, _ in house.story)


async def test_move_to_a_node_that_is_left_meanwhile_is_given_up():
    async with at_a(NEVER) as house:
        house.go.clear()
        house.use("b")
        await until(lambda: len(house.made) == 2)
        house.use("a")
        await until(lambda: ("stayed", "a") in house.story)
        assert (house.there, house.link.state) == (["a"], LinkState.UP)
        assert house.link._gate.busy == 0


@pytest.mark.parametrize("moving", [False, True])
async def test_credentials_that_change_during_an_attempt_with_the_former_ones_are_tried(moving):
    async with housed(FAST) as house:
        if moving:
            await house.told(("heard", "a"))
        house.go.clear()
        house.use("b")
        house.refuses["b"] = CredentialsRefused("the former password")
        await until(lambda: house.made and house.made[-1].host == "b")
        await asyncio.sleep(0)
        house.missed = lambda *_: house.refuses.clear()
        house.link.credentials_changed()
        house.go.set()
        await until(lambda: house.there == ["b"] and house.link.state is LinkState.UP)


async def test_retries_of_one_outage_warn_once_for_each_cause():
    async with at_a() as house:
        with capture_logs() as logs:
            for _ in range(2):
                house.refuses["a"] = Unreachable("off")
                house.made[-1].end.set_result(LOST)
                missing = len(house.missing)
                await until(lambda so=missing: len(house.missing) > so + 5)
                house.refuses.clear()
                await until(lambda: house.link.state is LinkState.UP)
        told = [one["log_level"] for one in logs if one["event"] == "session.retry"]
        assert told.count("warning") == 2
        assert len(told) > 10


async def test_who_waits_for_its_turn_stays_when_the_old_node_is_used_again():
    async with at_a() as house:
        async with house.link._gate.one():
            house.use("b")
            await asyncio.sleep(0.005)
            house.use("a")
        await asyncio.sleep(0.005)
        assert (house.there, len(house.made)) == (["a"], 1)
        house.use("b")
        await until(lambda: house.there == ["b"])


async def test_old_session_that_ends_in_the_middle_of_a_move_leaves_none_half_made():
    async with at_a() as house:
        house.go.clear()
        house.use("b")
        await until(lambda: len(house.made) == 2)
        house.made[0].end.set_result(LOST)
        await until(lambda: ("lost", "0.001") in house.story)
        house.go.set()
        await until(lambda: house.there == ["b"])
        assert len(house.made) == 3


async def test_there_and_back_again_leaves_one_session():
    async with at_a() as house:
        for host in "babab":
            house.use(host)
            await until(lambda wanted=host: house.there == [wanted])
        assert house.link.state is LinkState.UP


async def test_new_session_in_which_nobody_can_reconcile_is_made_again():
    async def refuse(session) -> None:
        if session is house.made[1]:
            raise Unreachable("nothing to read")

    async with at_a() as house:
        house.reconciles = refuse
        house.use("b")
        await until(lambda: house.there == ["b"] and house.story[-1] == ("heard", "b"))
        assert [session.host for session in house.made] == ["a", "b", "b"]


@pytest.mark.parametrize("graceful", [True, False])
async def test_closing_in_the_middle_of_a_move_leaves_nothing(graceful):
    async with at_a() as house:
        house.go.clear()
        house.use("b")
        await until(lambda: len(house.made) == 2)
        await house.link.close(graceful=graceful)
        assert house.there == []
        assert ("closed" if graceful else "cut", "a") in house.story


async def test_cancelled_in_the_middle_of_a_move_leaves_nothing():
    with no_tasks_left():
        house = House(FAST)
        running = asyncio.create_task(house.link.run())
        await house.told(("opened", "a"), ("heard", "a"))
        house.go.clear()
        house.use("b")
        await until(lambda: len(house.made) == 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert house.there == []


# -- reconciling anew -----------------------------------------------------------------------------


async def test_renewed_session_is_reconciled_again_and_stays():
    async with at_a() as house:
        for _ in range(3):
            house.story.clear()
            house.link.renew()
            await house.told(("heard", "a"))
        assert (len(house.made), house.link.state) == (1, LinkState.UP)


async def test_session_that_cannot_be_reconciled_anew_is_made_anew():
    async def refuse(session) -> None:
        if session is house.made[0]:
            raise Unreachable("nothing to read")

    async with at_a() as house:
        house.reconciles = refuse
        house.link.renew()
        await until(lambda: len(house.made) == 2 and house.story[-1] == ("heard", "a"))


async def test_session_that_ends_while_it_is_reconciled_anew_is_lost_and_made_anew():
    async def wait(session) -> None:
        if session is house.made[0]:
            await asyncio.Event().wait()

    async with at_a() as house:
        house.reconciles = wait
        house.link.renew()
        await asyncio.sleep(0.005)
        house.made[0].end.set_result(LOST)
        await until(lambda: len(house.made) == 2 and house.story[-1] == ("heard", "a"))


# -- waiting --------------------------------------------------------------------------------------


async def test_held_back_at_one_node_is_no_reason_to_wait_for_the_other():
    async with housed(NEVER) as house:
        house.refuses["a"] = Unreachable("off")
        await until(lambda: house.link.state is LinkState.WAITING)
        house.use("b")
        await house.told(("opened", "b"), ("heard", "b"))


async def test_refused_password_waits_for_another_one_whatever_node_is_used():
    async with housed(FAST) as house:
        house.refuses["a"] = CredentialsRefused("no")
        await until(lambda: house.link.state is LinkState.STOPPED)
        house.use("b")
        await asyncio.sleep(FAST.cap * 5)
        assert (house.link.state, len(house.made)) == (LinkState.STOPPED, 1)


async def test_aim_is_told_how_long_the_agent_held_back_by_itself():
    async with housed(Backoff(base=0.02, cap=0.02)) as house:
        house.refuses["a"] = Unreachable("off")
        await until(lambda: len(house.waited) >= 2)
        assert house.waited[0] == 0
        assert house.waited[1] >= 0.01


async def test_who_waits_for_the_node_says_so_and_why():
    async with housed() as house:
        await until(lambda: house.there)
        house.ready_now.clear()
        house.made[0].end.set_result(LOST)
        await until(lambda: len(house.waited) == 2)
        house.link.waits("out of service")
        assert (house.link.state, house.link.last_error) == (LinkState.WAITING, "out of service")
        house.ready_now.set()
        await until(lambda: house.link.state is LinkState.UP)
        assert house.link.last_error is None
