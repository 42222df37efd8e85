"""Sessions for agents that are not configured: when they begin, whom they serve, when they end."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

import pytest

from listener.dropin.sessions import SessionPolicy
from listener.errors import ConfigurationError, NotAccepted
from listener.handover.exporting import agents_of
from listener.simulator.users import AgentSpec
from tests.shell.dropin_stage import Place, action, basic, fronting, scene
from tests.shell.rest_server import HANG, Seen, api_errors, http
from tests.shell.stage import PASSWORD, A, B, answered_call, until, writes

USER = "/finesse/api/User/1001001"
DIALOG = "/finesse/api/Dialog/54321"
OK = http(202)


def shown(login: str = A, state: str = "READY") -> bytes:
    return http(200, f"<User><loginId>{login}</loginId><state>{state}</state></User>".encode())


def quick(**more) -> SessionPolicy:
    return SessionPolicy(**({"linger": 0.0, "look_every": 0.01, "ask_every": 0.0} | more))


async def test_the_first_write_begins_a_session_once_finesse_has_shown_the_user():
    async with fronting(shown(), OK, OK, agents=()) as (server, books, place):
        first = await place.put(DIALOG, action("HOLD"))
        second = await place.put(DIALOG, action("RETRIEVE"))
        assert {books.record(got).request.agent for got in (first, second)} == {A}
    assert [seen.line.split()[:2] for seen in server.seen] == [
        ["GET", USER],
        ["PUT", DIALOG],
        ["PUT", DIALOG],
    ]
    assert books.begun == [(A, PASSWORD[A])]
    assert server.seen[0].headers["authorization"] == basic()["Authorization"]


async def test_reads_begin_no_session_and_may_be_the_proof_for_one():
    async with fronting(shown(), OK, agents=()) as (server, books, place):
        got = await place.get(USER)
        assert got.content.startswith(b"<User>")
        assert books.begun == []
        await place.put(DIALOG, action("HOLD"))
    assert books.begun == [(A, PASSWORD[A])]
    assert len(server.seen) == 2


async def test_somebody_elses_user_is_no_proof():
    other = "/finesse/api/User/1001002"
    async with fronting(shown(B), shown(), OK, agents=()) as (server, books, place):
        await place.get(other)
        await place.put(DIALOG, action("HOLD"))
    assert books.begun == [(A, PASSWORD[A])]
    assert server.seen[1].line.split()[:2] == ["GET", USER]


async def test_many_first_writes_at_once_ask_once_and_begin_one_session():
    async with fronting(shown(), *[OK] * 8, agents=()) as (server, books, place):
        answers = await asyncio.gather(*(place.put(DIALOG, action("HOLD")) for _ in range(8)))
    assert {got.headers["x-outcome"] for got in answers} == {"open"}
    assert [seen.line.split()[0] for seen in server.seen] == ["GET"] + ["PUT"] * 8
    assert len(books.begun) == 1


async def test_a_wrong_password_begins_none_and_sends_nothing_else():
    refusal = http(401, api_errors("Authorization Failure"), "WWW-Authenticate: Basic", "X-Mine: 1")
    async with fronting(refusal, HANG, agents=()) as (server, books, place):
        got = await place.put(DIALOG, action("HOLD"))
        again = await place.put(DIALOG, action("HOLD"))
    assert (got.status_code, got.content) == (401, api_errors("Authorization Failure"))
    assert (got.headers["x-mine"], got.headers["x-outcome"]) == ("1", "rejected")
    assert again.status_code == 401
    assert books.begun == []
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "answer",
    [
        http(404, api_errors("User Not Found")),
        http(500),
        http(302, b"", "Location: https://ids.example.com/"),
        http(200, b"<html>not Finesse</html>"),
    ],
)
async def test_a_user_whom_finesse_does_not_show_goes_out_untracked(answer: bytes):
    async with fronting(answer, OK, agents=()) as (server, books, place):
        got = await place.put(DIALOG, action("HOLD"))
    assert (got.status_code, got.headers["x-outcome"]) == (202, "untracked")
    assert got.headers["x-reason"] == "not_shown"
    assert (len(server.seen), books.begun) == (2, [])


async def test_finesse_knows_the_user_by_another_name():
    async with fronting(shown("agent77"), OK, agents=()) as (_, books, place):
        got = await place.put(DIALOG, action("HOLD"))
        assert books.record(got).request.agent == "agent77"
    assert books.begun == [("agent77", PASSWORD[A])]


async def test_a_configured_agent_under_a_login_name_is_found_and_left_alone():
    async with fronting(shown("agent77"), OK, OK, agents=("agent77",)) as (server, books, place):
        for _ in range(2):
            got = await place.put(DIALOG, action("HOLD"))
            assert books.record(got).request.agent == "agent77"
    assert books.begun == []
    assert len(server.seen) == 3


async def test_a_configured_agent_is_asked_for_nothing():
    async with fronting(OK) as (server, books, place):
        await place.put(DIALOG, action("HOLD"))
    assert [seen.line.split()[0] for seen in server.seen] == ["PUT"]
    assert books.begun == []


async def test_the_first_write_waits_for_the_session():
    async with fronting(shown(), OK, agents=()) as (server, books, place):
        books.comes_up.clear()
        asking = asyncio.create_task(place.put(DIALOG, action("HOLD")))
        await until(lambda: books.begun)
        assert len(server.seen) == 1
        books.comes_up.set()
        got = await asking
    assert got.headers["x-outcome"] == "open"


async def test_a_session_that_does_not_come_up_is_waited_for_once():
    policy = SessionPolicy(wait=0.2)
    async with fronting(shown(), OK, OK, agents=(), policy=policy) as (server, books, place):
        books.comes_up.clear()
        first = await place.put(DIALOG, action("HOLD"))
        clock = asyncio.get_running_loop().time
        before = clock()
        books.ready = None  # nobody asks again
        second = await place.put(DIALOG, action("HOLD"))
        assert clock() >= before
    for got in (first, second):
        assert (got.status_code, got.headers["x-outcome"]) == (202, "untracked")
        assert got.headers["x-reason"] == "no_session"
    assert len(server.seen) == 3
    assert len(books.begun) == 1


async def test_a_session_that_was_up_is_trusted_through_a_gap():
    policy = SessionPolicy(wait=0.0)
    async with fronting(shown(), OK, OK, OK, agents=(), policy=policy) as (_, books, place):
        assert (await place.put(DIALOG, action("HOLD"))).headers["x-outcome"] == "untracked"
        books._up(A)
        assert (await place.put(DIALOG, action("HOLD"))).headers["x-outcome"] == "open"
        books.hearing.clear()
        books.service.session_down(A, "test")
        assert (await place.put(DIALOG, action("HOLD"))).headers["x-outcome"] == "open"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NotAccepted("200 are held"), "too_many_sessions"),
        (ConfigurationError("held already"), "not_taken"),
    ],
)
async def test_a_session_that_cannot_be_had_is_done_without(error: Exception, reason: str):
    async with fronting(shown(), OK, agents=()) as (_, books, place):

        async def refuse(agent, password):
            raise error

        books.hold = refuse
        got = await place.put(DIALOG, action("HOLD"))
    assert (got.status_code, got.headers["x-reason"]) == (202, reason)


async def test_none_are_begun_where_the_operator_wants_none():
    policy = SessionPolicy(on_demand=False)
    async with fronting(OK, agents=(), policy=policy) as (server, books, place):
        got = await place.put(DIALOG, action("HOLD"))
    assert (got.headers["x-outcome"], got.headers["x-reason"]) == ("untracked", "no_session")
    assert (len(server.seen), books.begun) == (1, [])


async def test_a_new_password_replaces_the_old_one_once_it_is_proven():
    async with fronting(shown(), OK, shown(), OK, OK, agents=()) as (server, books, place):
        await place.put(DIALOG, action("HOLD"))
        new = basic(A, "new-password")["Authorization"]
        for _ in range(2):
            got = await place.put(DIALOG, action("HOLD"), Authorization=new)
            assert got.headers["x-outcome"] == "open"
    assert books.begun == [(A, PASSWORD[A]), (A, "new-password")]
    assert len(server.seen) == 5


async def test_a_wrong_new_password_replaces_nothing():
    refusal = http(401, api_errors("Authorization Failure"), "WWW-Authenticate: Basic")
    async with fronting(shown(), OK, refusal, OK, agents=()) as (_, books, place):
        await place.put(DIALOG, action("HOLD"))
        wrong = basic(A, "wrong")["Authorization"]
        assert (await place.put(DIALOG, action("HOLD"), Authorization=wrong)).status_code == 401
        assert (await place.put(DIALOG, action("HOLD"))).status_code == 202
    assert books.begun == [(A, PASSWORD[A])]


async def test_nobody_waits_for_ever_for_another_ones_question():
    policy = SessionPolicy(patience=0.2)
    dialogs = http(200, b"<Dialogs/>")
    script = (dialogs, HANG, OK)
    async with fronting(*script, agents=(), policy=policy) as (server, _, place):
        await place.get(f"{USER}/Dialogs")
        first = asyncio.create_task(place.put(DIALOG, action("HOLD")))
        await until(lambda: len(server.seen) == 2)
        got = await place.put(DIALOG, action("HOLD"))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert (got.status_code, got.headers["x-reason"]) == (202, "not_shown")


# How they end


async def test_it_ends_when_the_agent_is_signed_out_and_not_before():
    async with fronting(shown(), OK, agents=(), policy=quick()) as (_, books, place):
        books.states[A] = "READY"
        await place.put(DIALOG, action("HOLD"))
        looked = asyncio.Event()
        books.user_state = lambda agent: (looked.set(), books.states[agent])[1]
        await looked.wait()
        assert books.ended == []
        books.states[A] = "LOGOUT"
        await until(lambda: books.ended == [A])


async def test_it_lingers_behind_the_last_write_of_an_agent_who_is_signed_out():
    policy = quick(linger=30.0)
    async with fronting(shown(state="LOGOUT"), OK, agents=(), policy=policy) as (_, books, place):
        books.states[A] = "LOGOUT"
        await place.put(USER, "<User><state>LOGIN</state><extension>1</extension></User>")
        rounds = 0

        def counted() -> tuple[str, ...]:
            nonlocal rounds
            rounds += 1
            return (A,)

        books.on_demand = counted
        await until(lambda: rounds > 6)
    assert books.ended == []


async def test_it_ends_when_idle_only_where_the_operator_chose_so():
    async with fronting(shown(), OK, agents=(), policy=quick(idle=0.05)) as (_, books, place):
        books.states[A] = "READY"
        await place.put(DIALOG, action("HOLD"))
        await until(lambda: books.ended == [A])


async def test_finesse_is_asked_where_the_session_does_not_hear():
    script = (shown(), OK, shown(state="READY"), shown(state="LOGOUT"))
    policy = quick(wait=0.0)
    async with fronting(*script, agents=(), policy=policy) as (server, books, place):
        await place.put(DIALOG, action("HOLD"))
        await until(lambda: books.ended == [A])
    assert [seen.line.split()[0] for seen in server.seen] == ["GET", "PUT", "GET", "GET"]


async def test_a_password_that_is_refused_meanwhile_is_not_asked_with_again():
    refusal = http(401, api_errors("Authorization Failure"), "WWW-Authenticate: Basic")
    policy = quick(wait=0.0)
    script = (shown(), OK, refusal, refusal, HANG)
    async with fronting(*script, agents=(), policy=policy) as (server, books, place):
        await place.put(DIALOG, action("HOLD"))
        held = place.dropin._sessions._held
        await until(lambda: held[A].pair is None)
    assert len(server.seen) <= 4
    assert books.ended == []


async def test_what_is_configured_meanwhile_is_left_alone():
    async with fronting(shown(), OK, agents=(), policy=quick()) as (_, books, place):
        books.states[A] = "LOGOUT"
        books.on_demand = lambda: ()
        await place.put(DIALOG, action("HOLD"))
        await until(lambda: not place.dropin._sessions._held)
    assert books.ended == []


async def test_a_fault_at_one_session_does_not_end_the_care_for_it():
    async with fronting(shown(), OK, agents=(), policy=quick()) as (_, books, place):
        faults = [ValueError("a fault of ours")]

        def state(agent: str) -> str:
            if faults:
                raise faults.pop()
            return "LOGOUT"

        books.user_state = state
        await place.put(DIALOG, action("HOLD"))
        await until(lambda: books.ended == [A])


# With everything real


async def test_an_agent_whom_nobody_configured_gets_the_real_outcome(tmp_path):
    policy = SessionPolicy(look_every=0.02, linger=0.0, wait=20)
    async with scene(tmp_path, agents=(B,), policy=policy) as (sim, listener, place):
        dialog = await answered_call(sim, None)
        got = await place.put(f"/finesse/api/Dialog/{dialog}", action("HOLD"), Prefer="wait=30")
        assert (got.status_code, got.headers["x-outcome"]) == (200, "confirmed")
        assert place.tracker.on_demand() == (A,)
        await place.put(f"/finesse/api/Dialog/{dialog}", action("DROP"), Prefer="wait=30")
        await sim.finesse.quiet()
        for state in ("NOT_READY", "LOGOUT"):
            got = await place.put(USER, f"<User><state>{state}</state></User>", Prefer="wait=30")
            assert (got.status_code, got.text[:6]) == (200, "<User>"), got.text
        await until(lambda: place.tracker.on_demand() == ())
        assert set(listener.agents) == {B}
        assert writes(sim) == 4


async def test_signing_in_is_heard_too(tmp_path):
    spec = AgentSpec(id=A, password=PASSWORD[A], extension=A, state="LOGOUT")
    policy = SessionPolicy(look_every=0.01, linger=30, wait=20)
    async with scene(tmp_path, agents=(), simulator={"agents": (spec,)}, policy=policy) as (
        _,
        _,
        place,
    ):
        body = f"<User><state>LOGIN</state><extension>{A}</extension></User>"
        got = await place.put(USER, body, Prefer="wait=30")
        assert (got.status_code, got.headers["x-outcome"]) == (200, "confirmed")
        assert place.tracker.on_demand() == (A,)


# Whose password it goes by


class Finesse:
    """Answers by the password that it has now."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.asked: list[str] = []

    async def __call__(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        good = seen.headers["authorization"] == basic(A, self.password)["Authorization"]
        self.asked.append(f"{seen.line.split()[0]} {'right' if good else 'wrong'}")
        answer = REFUSAL if not good else shown() if seen.line.startswith("GET") else OK
        writer.write(answer)
        await writer.drain()
        return True


REFUSAL = http(401, api_errors("Authorization Failure"), "WWW-Authenticate: Basic")


async def hold(place: Place, password: str) -> int:
    authorization = basic(A, password)["Authorization"]
    return (await place.put(DIALOG, action("HOLD"), Authorization=authorization)).status_code


async def test_an_old_password_does_not_come_back_into_a_session():
    finesse = Finesse("old")
    async with fronting(*[finesse] * 20, agents=()) as (_, books, place):
        assert await hold(place, "old") == 202
        finesse.password = "new"
        statuses = [await hold(place, each) for each in ("new", "old", "new", "old", "new")]
    assert statuses == [202, 401, 202, 401, 202]
    assert books.begun == [(A, "old"), (A, "new")]
    assert [each for each in finesse.asked if "wrong" in each] == ["GET wrong"]


async def test_a_replaced_password_is_proven_again_however_lately_it_was():
    script = (shown(), OK, shown(), OK, shown(), shown(), OK)
    async with fronting(*script, agents=()) as (server, books, place):
        for password in ("old", "new", "old"):
            assert await hold(place, password) == 202
    asked = "".join(seen.line[0] for seen in server.seen)
    assert asked == "GPGPGGP"  # the last one first because it had become doubtful
    assert [password for _, password in books.begun] == ["old", "new", "old"]


async def test_a_password_that_a_session_goes_by_is_withheld_once_it_is_refused():
    finesse = Finesse("old")
    async with fronting(*[finesse] * 20, agents=()) as (_, books, place):
        assert await hold(place, "old") == 202
        finesse.password = "new"
        assert await hold(place, "old") == 401
        await until(lambda: books.withheld == [A, A])  # in doubt, and then refused
        assert await hold(place, "old") == 401
        assert [each for each in finesse.asked if "wrong" in each] == ["PUT wrong", "GET wrong"]
        assert books.begun == [(A, "old")]
        assert await hold(place, "new") == 202
    assert books.begun == [(A, "old"), (A, "new")]
    assert books.ended == []


async def test_a_doubt_about_the_password_of_a_session_is_cleared_up_at_once():
    policy = SessionPolicy(look_every=3600)
    script = (shown(), OK, http(401, api_errors("Authorization Failure")), shown())
    async with fronting(*script, agents=(), policy=policy) as (server, books, place):
        assert (await place.put(DIALOG, action("HOLD"))).status_code == 202
        assert (await place.put(DIALOG, action("HOLD"))).status_code == 401
        await until(lambda: len(books.begun) == 2)
    assert books.withheld == [A]
    assert books.begun == [(A, PASSWORD[A])] * 2
    assert [seen.line.split()[0] for seen in server.seen] == ["GET", "PUT", "PUT", "GET"]


async def test_a_doubt_that_cannot_be_cleared_up_keeps_the_password_back():
    policy = SessionPolicy(look_every=0.01)
    doubt = http(401, api_errors("Authorization Failure"))
    script = (shown(), OK, doubt, http(500), http(500), shown())
    async with fronting(*script, agents=(), policy=policy) as (server, books, place):
        for _ in range(2):
            await place.put(DIALOG, action("HOLD"))
        await until(lambda: len(server.seen) == 5)
        assert len(books.begun) == 1
        await until(lambda: len(books.begun) == 2)


async def test_what_a_cookie_may_have_opened_is_no_proof():
    async with fronting(shown(), shown(), OK, agents=()) as (server, books, place):
        await place.get(USER, Cookie="JSESSIONIDSSO=1")
        await place.put(DIALOG, action("HOLD"))
    assert [seen.line.split()[0] for seen in server.seen] == ["GET", "GET", "PUT"]
    assert books.begun == [(A, PASSWORD[A])]


async def test_a_password_that_finesse_may_read_otherwise_begins_no_session():
    header = b"Basic " + base64.b64encode("1001001:gr\xfcn".encode("latin-1"))
    async with fronting(shown(), OK, agents=()) as (_, books, place):
        got = await place.client.put(
            DIALOG, content=action("HOLD"), headers=[(b"Authorization", header)]
        )
    assert (got.status_code, got.headers["x-reason"]) == (202, "not_shown")
    assert books.begun == []


async def test_the_daemons_own_questions_never_go_out_with_a_refused_password(tmp_path):
    policy = SessionPolicy(look_every=0.02, wait=20)
    spec = AgentSpec(id=A, password="old", extension=A)
    simulator = {"agents": (spec,)}
    async with scene(tmp_path, agents=(), simulator=simulator, policy=policy) as (
        sim,
        listener,
        place,
    ):
        accounts = sim.finesse.accounts

        async def state(password: str) -> int:
            got = await place.client.put(
                USER, content="<User><state>READY</state></User>", headers=basic(A, password)
            )
            return got.status_code

        assert await state("old") == 202
        accounts._agents = {**accounts._agents, A: replace(spec, password="new")}
        assert await state("old") == 401
        await until(lambda: place.dropin._sessions._held[A].pair is None)
        wrong = accounts._wrong[A]
        carried = agents_of(listener, listener._settings)  # to a second process, which could not
        assert (list(carried.live), list(carried.others)) == ([], [])  # sign in with it either
        for _ in range(5):
            assert (await listener.rest.dialogs(A)).status is None
        ear = listener.roster.ears[A]
        sim.notifications.cut(A)
        await until(lambda: ear.status().state == "stopped")
        assert (accounts._wrong[A], accounts.locked(A)) == (wrong, False)
        assert await state("new") == 202
        assert (await listener.rest.dialogs(A)).status == 200
        await until(ear.up.is_set)
