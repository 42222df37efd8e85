"""Agents and their dialogs."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from listener.correlation.steps import Look
from listener.errors import CredentialsRefused, Unreachable
from listener.settings import Presence
from tests.builders import a_user
from tests.shell.api_rig import AGENT, CALL, OTHER, WALLBOARD, problem, rigged

AGENTS = "/v1/agents"
SECRET = "correct-horse"
BODY = {"password": SECRET}


@pytest.fixture
async def rig():
    async with rigged() as it:
        yield it


async def test_agents_are_listed_with_their_sessions(rig):
    answer = await rig.client(WALLBOARD).get(AGENTS)
    assert answer.status_code == 200
    assert [agent["id"] for agent in answer.json()["agents"]] == [AGENT, OTHER]
    one = await rig.client(WALLBOARD).get(f"{AGENTS}/{AGENT}")
    assert one.json()["id"] == AGENT
    assert (one.json()["live"], one.json()["node"]) == (True, "finesse")
    assert {"state", "since", "lastGap"} <= one.json().keys()


async def test_dialogs_are_told_with_the_time_of_that_knowledge(rig):
    answer = await rig.client(WALLBOARD).get(f"{AGENTS}/{AGENT}/dialogs")
    told = answer.json()
    assert answer.status_code == 200
    assert (told["agent"], told["live"]) == (AGENT, True)
    assert [dialog["id"] for dialog in told["dialogs"]] == [CALL]
    assert told["at"].endswith("Z")


@pytest.mark.parametrize("path", ["/4711", "/4711/dialogs"])
async def test_agent_that_is_not_held_is_not_found(rig, path):
    answer = await rig.client().get(AGENTS + path)
    assert (answer.status_code, problem(answer)["type"]) == (404, "agent_not_found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("id_", ["a%20b", "a@b", "a%22", "a:b", "a%5B%3C", "x" * 65])
async def test_id_that_no_agent_can_have_is_refused(rig, method, id_):
    answer = await rig.client().request(method, f"{AGENTS}/{id_}", json={"password": SECRET})
    assert (answer.status_code, problem(answer)["type"]) == (400, "invalid_agent_id")
    assert len(rig.roster.ears) == 2


async def test_added_agent_is_held_and_its_credentials_are_never_told(rig):
    body = {"password": SECRET, "extension": "1001003"}
    answer = await rig.client().put(f"{AGENTS}/ü-3", json=body)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{AGENTS}/%C3%BC-3"
    assert (answer.json()["id"], answer.json()["extension"]) == ("ü-3", "1001003")
    read = await rig.client().get(answer.headers["location"])
    assert read.json()["origin"] == "api"
    assert rig.roster.passwords["ü-3"] == (SecretStr(SECRET), None)
    assert SECRET not in answer.text + read.text


async def test_credentials_of_an_agent_are_changed(rig):
    answer = await rig.client().put(f"{AGENTS}/{AGENT}", json={"token": SECRET})
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert rig.roster.passwords[AGENT] == (None, SecretStr(SECRET))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "password"),
        ({"password": ""}, "password"),
        ({"password": None}, "password"),
        ({"password": 1}, "password"),
        ({"password": f"{SECRET}\n"}, "password"),
        ({"token": f"{SECRET}\r\nX: y"}, "token"),
        ({"password": SECRET, "extension": "ext"}, "extension"),
        ({"password": SECRET, "pasword": SECRET}, "pasword"),
        ({"id": "x", "password": SECRET}, "id"),
    ],
)
async def test_credentials_that_cannot_be_used_are_refused(rig, body, field):
    answer = await rig.client().put(f"{AGENTS}/new", json=body)
    told = problem(answer)
    assert (answer.status_code, told["type"], told["field"]) == (422, "invalid_request", field)
    assert SECRET not in answer.text
    assert "new" not in rig.roster.ears


async def test_signed_in_agent_is_not_removed_unless_forced(rig):
    refused = await rig.client().delete(f"{AGENTS}/{AGENT}")
    told = problem(refused)
    assert (refused.status_code, told["type"]) == (409, "agent_signed_in")
    assert "force=true" in told["detail"]
    assert AGENT in rig.roster.ears
    no = await rig.client().delete(f"{AGENTS}/{AGENT}?force=false")
    assert no.status_code == 409
    forced = await rig.client().delete(f"{AGENTS}/{AGENT}?force=true")
    assert (forced.status_code, forced.content) == (204, b"")
    assert AGENT not in rig.roster.ears


async def test_where_no_session_hears_finesse_is_asked_whether_the_agent_is_signed_in(rig):
    rig.wire.signed_in_now = True
    refused = await rig.client().delete(f"{AGENTS}/{OTHER}")
    assert (refused.status_code, problem(refused)["type"]) == (409, "agent_signed_in")
    assert rig.wire.asked == [OTHER]
    assert OTHER in rig.roster.ears


async def test_a_picture_from_before_a_gap_is_no_proof_that_the_agent_is_signed_out(rig):
    now = asyncio.get_running_loop().time()
    rig.service.session_up(OTHER, Look(now, dialogs=(), user=a_user(state="LOGOUT")))
    rig.service.session_down(OTHER, "lost")
    rig.wire.signed_in_now = True
    assert (await rig.client().delete(f"{AGENTS}/{OTHER}")).status_code == 409
    assert OTHER in rig.roster.ears


async def test_a_picture_from_before_a_gap_is_no_proof_that_the_agent_is_signed_in(rig):
    rig.service.session_down(AGENT, "lost")
    assert (await rig.client().delete(f"{AGENTS}/{AGENT}")).status_code == 204
    assert rig.wire.asked == [AGENT]


async def test_agent_whose_session_finesse_does_not_see_is_removed_at_once(rig):
    settings = rig.backend._settings
    unseen = settings.finesse.model_copy(update={"presence": Presence.NONE})
    rig.backend._settings = settings.model_copy(update={"finesse": unseen})
    assert (await rig.client().delete(f"{AGENTS}/{AGENT}")).status_code == 204
    assert AGENT not in rig.roster.ears


async def test_agent_of_whom_finesse_says_nothing_is_kept_unless_forced(rig):
    rig.wire.signed_in_now = Unreachable("no answer")
    refused = await rig.client().delete(f"{AGENTS}/{OTHER}")
    told = problem(refused)
    assert (refused.status_code, told["type"]) == (409, "agent_signed_in")
    assert "not known" in told["detail"]
    assert "force=true" in told["detail"]
    assert OTHER in rig.roster.ears
    assert (await rig.client().delete(f"{AGENTS}/{OTHER}?force=true")).status_code == 204


async def test_a_refused_password_is_not_tried_again_to_remove_its_agent(rig):
    rig.roster.ear(OTHER).trouble = CredentialsRefused("the login was refused")
    assert (await rig.client().delete(f"{AGENTS}/{OTHER}")).status_code == 409
    assert rig.wire.asked == []


async def test_agent_that_is_not_signed_in_is_removed(rig):
    assert (await rig.client().delete(f"{AGENTS}/{OTHER}")).status_code == 204
    again = await rig.client().delete(f"{AGENTS}/{OTHER}")
    assert (again.status_code, problem(again)["type"]) == (404, "agent_not_found")


async def test_changes_of_agents_come_one_after_another(rig, monkeypatch):
    removing, go_on = asyncio.Event(), asyncio.Event()
    remove = rig.roster.remove

    async def slowly(agent: str) -> None:
        await remove(agent)
        removing.set()
        await go_on.wait()

    monkeypatch.setattr(rig.roster, "remove", slowly)
    client = rig.client()
    first = asyncio.create_task(client.put(f"{AGENTS}/{AGENT}", json=BODY | {"extension": "1"}))
    await removing.wait()  # between the old session and the new one
    others = [
        asyncio.create_task(client.put(f"{AGENTS}/{AGENT}", json=BODY | {"extension": "2"})),
        asyncio.create_task(client.delete(f"{AGENTS}/{AGENT}?force=true")),
    ]
    await asyncio.sleep(0)
    go_on.set()
    answers = [await task for task in (first, *others)]
    assert [answer.status_code for answer in answers] == [200, 200, 204]
    assert AGENT not in rig.roster.ears


@pytest.mark.parametrize("force", ["yes", "1", "TRUE", ""])
async def test_force_is_true_or_false(rig, force):
    answer = await rig.client().delete(f"{AGENTS}/{AGENT}?force={force}")
    assert (answer.status_code, problem(answer)["field"]) == (422, "force")
    assert AGENT in rig.roster.ears
