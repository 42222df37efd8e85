"""The supervisor of one agent, with sessions that do as they are told, and with real ones."""

import asyncio
import weakref
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest
from structlog.testing import capture_logs

from listener.errors import (
    CertificateRefused,
    CredentialsRefused,
    NotFinesse,
    ResourceConflict,
    Unreachable,
)
from listener.xmpp.contract import Cause, Ending
from listener.xmpp.handshakes import Handshakes
from listener.xmpp.link import Link, LinkState
from listener.xmpp.parties import Anywhere
from listener.xmpp.policy import Backoff
from tests.oracle.clock import VirtualLoop, run
from tests.shell.scripted_xmpp import PASSWORD, running, session_to, until

FAST = Backoff(base=0.001, cap=0.004, slow=0.01)
NEVER = Backoff(base=1000, cap=1000, slow=1000)
LOST = Ending(Cause.LINK_LOST, "cut")


class Puppet:
    """A session whose opening and end the test decides."""

    host = "node-a"

    def __init__(self, refusal=None) -> None:
        self.refusal = refusal
        self.hold: asyncio.Event | None = None
        self.end: asyncio.Future = asyncio.get_running_loop().create_future()
        self.closes: list[bool] = []

    async def open(self) -> None:
        if self.hold is not None:
            await self.hold.wait()
        if self.refusal is not None:
            raise self.refusal

    async def closed(self) -> Ending:
        return await asyncio.shield(self.end)

    async def close(self, *, graceful: bool = True) -> None:
        self.closes.append(graceful)
        if not self.end.done():
            self.end.set_result(Ending(Cause.CLOSED_BY_US, "closed by us"))


class Late(Anywhere):
    """An aim that lets nobody begin before `go`."""

    def __init__(self, go: asyncio.Event) -> None:
        self.go = go

    async def ready(self, waited: float) -> None:
        await self.go.wait()


class Owner:
    """Hears what the link tells."""

    def __init__(self) -> None:
        self.told: list = []
        self.reconcile = None

    async def opened(self, session) -> None:
        if self.reconcile is not None:
            await self.reconcile(session)
        self._tell(("opened", session))

    def lost(self, trouble, retry_in) -> None:
        self._tell(("lost", trouble, retry_in))

    def stopped(self, reason) -> None:
        self._tell(("stopped", reason))

    def _tell(self, news) -> None:
        self.told.append(news)

    def count(self, kind) -> int:
        return sum(news[0] == kind for news in self.told)


class Stage:
    """A link, its owner, its sessions in the order of their making."""

    def __init__(self, plays: Iterator, backoff=FAST, **kinds) -> None:
        self.owner = Owner()
        self.made: list = []
        self.plays = iter(plays)
        self.link = Link(
            kinds.pop("agent", "1001"),
            make_session=self._make,
            events=self.owner,
            backoff=backoff,
            gate=kinds.pop("gate", Handshakes(50)),
            random=kinds.pop("random", lambda: 1.0),
            **kinds,
        )

    def _make(self):
        made = next(self.plays)
        if isinstance(made, type):
            raise made("cannot be made")
        self.made.append(made)
        return made

    async def until(self, holds) -> None:
        await until(holds)

    async def state(self, state) -> None:
        await self.until(lambda: self.link.state is state)


def play(*plays, **kinds):
    return play_on(Stage(plays, **kinds))


@asynccontextmanager
async def play_on(stage):
    running_link = asyncio.create_task(stage.link.run())
    try:
        yield stage
    finally:
        await stage.link.close()
        await running_link
        assert stage.link.state is LinkState.CLOSED


@contextmanager
def lines():
    with capture_logs() as heard:
        yield heard


async def test_the_link_is_up_once_the_owner_has_reconciled():
    go = asyncio.Event()

    async def reconcile(_) -> None:
        await go.wait()

    async with play(Puppet()) as stage:
        stage.owner.reconcile = reconcile
        await stage.until(lambda: stage.made)
        assert stage.link.state is LinkState.CONNECTING
        go.set()
        await stage.state(LinkState.UP)
        assert stage.owner.told == [("opened", stage.made[0])]


async def test_a_session_that_may_not_be_used_yet_waits_and_is_not_connecting():
    go = asyncio.Event()

    async def reconcile(_) -> None:
        stage.link.waits("SystemInfo answered 401")
        await go.wait()

    async with play(Puppet()) as stage:
        stage.owner.reconcile = reconcile
        await stage.state(LinkState.WAITING)
        assert stage.link.last_error == "SystemInfo answered 401"
        go.set()
        await stage.state(LinkState.UP)
        stage.link.waits("a move takes long")
        assert stage.link.state is LinkState.UP


async def test_a_lost_session_is_followed_by_a_new_one():
    async with play(Puppet(), Puppet()) as stage:
        await stage.state(LinkState.UP)
        stage.made[0].end.set_result(LOST)
        await stage.until(lambda: stage.owner.count("opened") == 2)
        assert [news[0] for news in stage.owner.told] == ["opened", "lost", "opened"]
        assert stage.owner.told[1] == ("lost", LOST, FAST.base)
        assert stage.made[0].closes == [False]


@pytest.mark.parametrize("error", [Unreachable("no answer"), ValueError("a fault of ours")])
async def test_what_came_of_an_attempt_holds_nothing_of_it(error):
    class Heavy:
        """Stands for all that an attempt makes."""

    gone = []

    class Refused(Puppet):
        async def open(self) -> None:
            heavy = Heavy()
            gone.append(weakref.ref(heavy))
            try:
                int("no number")
            except ValueError as cause:
                raise error from cause

    async with play(Refused(), Puppet()) as stage:
        await stage.state(LinkState.UP)
        assert stage.owner.told[0] == ("lost", error, FAST.base)
        assert [each() for each in gone] == [None]


async def test_delays_grow_with_each_failure_and_are_told():
    async with play(*(Puppet(Unreachable("off")) for _ in range(5)), Puppet()) as stage:
        await stage.state(LinkState.UP)
        delays = [news[2] for news in stage.owner.told if news[0] == "lost"]
        assert delays == [0.001, 0.002, 0.004, 0.004, 0.004]


async def test_a_short_session_does_not_forget_the_failures_before_it():
    """A link that flaps must not hammer."""
    async with play(Puppet(), Puppet(), Puppet()) as stage:
        for session in range(2):
            await stage.until(lambda n=session: stage.owner.count("opened") == n + 1)
            stage.made[session].end.set_result(LOST)
        await stage.until(lambda: stage.owner.count("opened") == 3)
        assert [news[2] for news in stage.owner.told if news[0] == "lost"] == [0.001, 0.002]


async def test_a_stable_session_forgets_the_failures_before_it():
    backoff = Backoff(base=0.001, cap=1, stable=0.0)
    async with play(Puppet(Unreachable("off")), Puppet(), Puppet(), backoff=backoff) as stage:
        await stage.state(LinkState.UP)
        stage.made[1].end.set_result(LOST)
        await stage.until(lambda: stage.owner.count("opened") == 2)
        assert [news[2] for news in stage.owner.told if news[0] == "lost"] == [0.001, 0.001]


class Brief(Puppet):
    """A session that is cut after `lasts` seconds."""

    def __init__(self, lasts: float) -> None:
        super().__init__()
        self.lasts = lasts

    async def open(self) -> None:
        asyncio.get_running_loop().call_later(self.lasts, self.end.set_result, LOST)


def waits_by_the_usual_settings(*lasting: float) -> list[float]:
    """Return how long the link waits at most after each of these sessions, in made-up time."""

    async def main(_loop: VirtualLoop) -> list[float]:
        plays = (Brief(seconds) for seconds in (*lasting, 3600.0))
        async with play_on(Stage(plays, backoff=Backoff())) as stage:
            await asyncio.sleep(60.0 * len(lasting))
            assert stage.owner.count("opened") == len(lasting) + 1
        return [news[2] for news in stage.owner.told if news[0] == "lost"][: len(lasting)]

    return run(main)


@pytest.mark.parametrize("every", [12.0, 30.0])
def test_a_link_that_is_cut_again_and_again_is_back_at_once_each_time(every):
    """T2 by the shipped settings, for five minutes and more: 2 s are for the handshake too."""
    waits = waits_by_the_usual_settings(*[every - 1.5] * 30)
    assert waits == [Backoff().base] * 30


def test_a_server_that_lets_us_in_and_drops_us_is_backed_off():
    assert waits_by_the_usual_settings(*[0.1] * 6) == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_a_server_that_drops_us_late_is_dialled_no_more_often_than_one_that_never_lets_us_in():
    assert Backoff().stable >= Backoff().cap


async def test_a_refused_certificate_is_tried_again_at_once_when_others_are_trusted():
    async with play(Puppet(CertificateRefused("no")), Puppet(), backoff=NEVER) as stage:
        await stage.state(LinkState.WAITING)
        stage.link.trust_renewed()
        await stage.state(LinkState.UP)
        assert len(stage.made) == 2


class Turns(Anywhere):
    """An aim that writes down how long each one waited who asks for a turn."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    async def ready(self, waited: float) -> None:
        self.waited.append(waited)


@pytest.mark.parametrize("word", ["trust_renewed", "credentials_changed"])
def test_what_was_waited_before_a_word_that_wakes_all_does_not_count_towards_the_turn(word):
    """Else all agents, who waited longer than their turns last, would dial at once."""

    async def main(_loop: VirtualLoop) -> list[float]:
        aim = Turns()
        refused = Puppet(CertificateRefused("no"))
        async with play(refused, Puppet(), backoff=NEVER, aim=aim) as stage:
            await asyncio.sleep(40.0)
            getattr(stage.link, word)()
            await asyncio.sleep(1.0)
            assert stage.link.state is LinkState.UP
        return aim.waited

    assert run(main) == [0.0, 0.0]


def test_what_was_waited_by_oneself_counts_towards_the_turn():
    async def main(_loop: VirtualLoop) -> list[float]:
        aim = Turns()
        async with play(Puppet(Unreachable("off")), Puppet(), backoff=NEVER, aim=aim) as stage:
            await asyncio.sleep(NEVER.base + 1.0)
            assert stage.link.state is LinkState.UP
        return aim.waited

    assert run(main) == pytest.approx([0.0, NEVER.base])


async def test_a_certificate_that_is_refused_while_others_become_trusted_is_not_held_up_for_long():
    """The attempt had begun with the former ones."""
    backoff = Backoff(base=0.001, cap=0.004, slow=1000)
    late = Puppet(CertificateRefused("no"))
    late.hold = asyncio.Event()
    async with play(late, Puppet(), backoff=backoff) as stage:
        await stage.until(lambda: stage.made)
        stage.link.trust_renewed()
        late.hold.set()
        await stage.state(LinkState.UP)


async def test_other_trusted_certificates_start_nobody_whose_password_was_refused():
    async with play(Puppet(CredentialsRefused("no")), Puppet()) as stage:
        await stage.state(LinkState.STOPPED)
        stage.link.trust_renewed()
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(stage.made) == 1


async def test_a_refused_password_is_tried_once_and_then_held_without_a_timer():
    async with play(Puppet(CredentialsRefused("no")), Puppet()) as stage:
        await stage.state(LinkState.STOPPED)
        assert [news[0] for news in stage.owner.told] == ["lost", "stopped"]
        assert stage.owner.told[0][2] is None
        assert not any(not h.cancelled() for h in asyncio.get_running_loop()._scheduled[:-1])
        assert len(stage.made) == 1
        stage.link.credentials_changed()
        await stage.state(LinkState.UP)
        assert len(stage.made) == 2


async def test_the_refused_password_of_a_real_server_is_sent_exactly_once():
    async with running() as server:
        server.password = "another"
        sessions = (session_to(server) for _ in range(3))
        async with play(*sessions) as stage:
            await stage.state(LinkState.STOPPED)
            for _ in range(20):
                await asyncio.sleep(FAST.cap)
            assert len(server.auths) == 1
            server.password = PASSWORD
            stage.link.credentials_changed()
            await stage.state(LinkState.UP)
            assert len(server.auths) == 2


async def test_a_real_session_that_is_cut_comes_back():
    async with running() as server:
        async with play(*(session_to(server) for _ in range(4))) as stage:
            for cut in range(3):
                await stage.until(lambda n=cut: stage.owner.count("opened") == n + 1)
                server.bound[cut].cut()
            await stage.until(lambda: stage.owner.count("opened") == 4)
        assert server.connections == 4


async def test_a_refused_certificate_is_tried_again_only_after_the_slow_delay():
    async with play(Puppet(CertificateRefused("no")), backoff=NEVER) as stage:
        await stage.state(LinkState.WAITING)
        assert stage.owner.told[0][2] >= NEVER.slow
        assert stage.owner.count("stopped") == 0


@pytest.mark.parametrize("by", ["error", "ending"])
async def test_a_conflict_stops_the_link_with_an_alarm(by):
    first = Puppet(ResourceConflict("taken") if by == "error" else None)
    async with play(first) as stage:
        if by == "ending":
            await stage.state(LinkState.UP)
            with lines() as heard:
                first.end.set_result(Ending(Cause.CONFLICT, "taken"))
                await stage.state(LinkState.STOPPED)
            assert [line["log_level"] for line in heard if line["event"] == "session.stopped"] == [
                "error"
            ]
        await stage.state(LinkState.STOPPED)
        assert stage.owner.told[-1] == ("stopped", "taken")
        assert stage.link.last_error == "taken"


async def test_something_else_that_answers_is_tried_again():
    async with play(Puppet(NotFinesse("http")), Puppet()) as stage:
        await stage.state(LinkState.UP)


async def test_changed_credentials_cut_a_wait_short():
    async with play(Puppet(Unreachable("off")), Puppet(), backoff=NEVER) as stage:
        await stage.state(LinkState.WAITING)
        stage.link.credentials_changed()
        await stage.state(LinkState.UP)


async def test_a_session_that_ends_while_the_owner_reconciles_is_lost():
    cancelled = []

    async def reconcile(session) -> None:
        if session is stage.made[0]:
            session.end.set_result(LOST)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(session)
                raise

    async with play(Puppet(), Puppet()) as stage:
        stage.owner.reconcile = reconcile
        await stage.state(LinkState.UP)
        assert cancelled == [stage.made[0]]
        assert [news[0] for news in stage.owner.told] == ["lost", "opened"]


@pytest.mark.parametrize("error", [Unreachable("rest"), RuntimeError("bug"), None])
async def test_an_owner_that_cannot_reconcile_gets_another_session(error):
    async def reconcile(session) -> None:
        if session is stage.made[0]:
            if error is None:
                asyncio.current_task().cancel()
                await asyncio.sleep(0)
            raise error

    async with play(Puppet(), Puppet()) as stage:
        stage.owner.reconcile = reconcile
        await stage.state(LinkState.UP)
        assert len(stage.made) == 2
        assert stage.made[0].closes[0] is False


async def test_an_owner_that_raises_on_news_harms_nobody():
    async with play(Puppet(Unreachable("off")), Puppet()) as stage:
        stage.owner.lost = None  # calling it raises TypeError
        await stage.state(LinkState.UP)


async def test_a_session_that_cannot_be_made_is_a_trouble_like_any_other():
    async with play(RuntimeError, Puppet()) as stage:
        await stage.state(LinkState.UP)
        assert stage.owner.count("lost") == 1


async def test_the_endpoint_is_awaited_before_each_attempt():
    ready = asyncio.Event()
    async with play(Puppet(), aim=Late(ready)) as stage:
        await asyncio.sleep(0.005)
        assert stage.made == []
        ready.set()
        await stage.state(LinkState.UP)


async def test_the_gate_bounds_the_handshakes_and_not_the_sessions():
    gate = Handshakes(2)
    puppets = [Puppet() for _ in range(6)]
    hold = asyncio.Event()
    for puppet in puppets:
        puppet.hold = hold
    stages = [Stage([puppet], gate=gate, agent=str(n)) for n, puppet in enumerate(puppets)]
    tasks = [asyncio.create_task(stage.link.run()) for stage in stages]
    await asyncio.sleep(0.01)
    assert sum(len(stage.made) for stage in stages) == 2
    hold.set()
    for stage in stages:
        await stage.state(LinkState.UP)
    await asyncio.gather(*(stage.link.close() for stage in stages))
    await asyncio.gather(*tasks)


async def test_the_trouble_of_one_agent_does_not_touch_another():
    gate = Handshakes(1)
    bad = Stage([Puppet(CredentialsRefused("no"))], gate=gate, agent="bad")
    good = Stage([Puppet()], gate=gate, agent="good")
    tasks = [asyncio.create_task(stage.link.run()) for stage in (bad, good)]
    await bad.state(LinkState.STOPPED)
    await good.state(LinkState.UP)
    assert good.owner.count("lost") == 0
    await asyncio.gather(bad.link.close(), good.link.close())
    await asyncio.gather(*tasks)


async def test_close_ends_the_session_gracefully_and_tells_no_loss():
    async with play(Puppet()) as stage:
        await stage.state(LinkState.UP)
        await stage.link.close()
        assert stage.made[0].closes[0] is True
        assert stage.owner.count("lost") == 0


async def test_close_while_the_owner_reconciles_is_graceful_too():
    async def reconcile(_):
        await asyncio.Event().wait()

    async with play(Puppet()) as stage:
        stage.owner.reconcile = reconcile
        await stage.until(lambda: stage.link._session is not None)
        await stage.link.close()
        assert stage.made[0].closes[0] is True
        assert stage.owner.told == []


async def test_close_in_a_hurry_is_not_graceful():
    async with play(Puppet()) as stage:
        await stage.state(LinkState.UP)
        await stage.link.close(graceful=False)
        assert stage.made[0].closes == [False]


@pytest.mark.parametrize("where", [LinkState.CONNECTING, LinkState.WAITING, LinkState.STOPPED])
async def test_close_works_in_every_state(where):
    puppet = Puppet({"waiting": Unreachable("x"), "stopped": CredentialsRefused("x")}.get(where))
    if where is LinkState.CONNECTING:
        puppet.hold = asyncio.Event()
    async with play(puppet, backoff=NEVER) as stage:
        await stage.until(lambda: stage.made)
        await stage.state(where)
        await stage.link.close()
        assert stage.link.state is LinkState.CLOSED
        assert puppet.closes == [False]


async def test_close_before_run_means_that_run_ends_at_once():
    stage = Stage([Puppet()])
    await stage.link.close()
    await stage.link.run()
    assert stage.link.state is LinkState.CLOSED


async def test_cancelled_run_leaves_no_session():
    stage = Stage([Puppet()])
    task = asyncio.create_task(stage.link.run())
    await stage.state(LinkState.UP)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert stage.made[0].closes == [False]
    assert stage.link.state is LinkState.CLOSED
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_each_step_is_one_line_with_agent_host_and_cause_and_no_password():
    with lines() as heard:
        first = Puppet(Unreachable("off"))
        async with play(first, Puppet(), Puppet(CredentialsRefused("no"))) as stage:
            await stage.state(LinkState.UP)
            stage.made[1].end.set_result(LOST)
            await stage.state(LinkState.STOPPED)
    assert [line["event"] for line in heard] == [
        "session.retry",
        "session.opened",
        "session.lost",
        "session.stopped",
    ]
    assert [line.get("cause") for line in heard] == [
        "Unreachable",
        None,
        "link_lost",
        "CredentialsRefused",
    ]
    assert {line["agent"] for line in heard} == {"1001"}
    assert {line["host"] for line in heard} == {"node-a"}
    assert heard[0]["retry_in"] == FAST.base


async def test_state_carries_its_time_and_repr_is_short():
    async with play(Puppet()) as stage:
        await stage.state(LinkState.UP)
        assert 0 < stage.link.since <= asyncio.get_running_loop().time()
        assert repr(stage.link) == "<Link 1001 up>"
