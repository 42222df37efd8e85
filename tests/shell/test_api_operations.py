"""Health, metrics, info, errors, reload, forget, and the page that shows it all."""

from __future__ import annotations

import re

import pytest

from listener.api.lookup import looked_up
from listener.errors import ConfigurationError
from listener.offers import Readiness
from tests.shell.api_rig import WALLBOARD, problem, rigged


@pytest.fixture
async def rig():
    async with rigged() as it:
        yield it


async def test_health_is_told_to_anybody(rig):
    nobody = rig.client(None)
    alive = await nobody.get("/livez")
    assert (alive.status_code, alive.json()) == (200, {"live": True})
    ready = await nobody.get("/readyz?from=a-load-balancer")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reasons": []})


async def test_what_is_in_the_way_is_told(rig, monkeypatch):
    reasons = ("the journal cannot be written: no room",)
    monkeypatch.setattr(rig.backend, "ready", lambda: Readiness(ready=False, reasons=reasons))
    answer = await rig.client(None).get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "reasons": list(reasons)}


async def test_metrics_are_in_the_format_of_prometheus(rig):
    answer = await rig.client(WALLBOARD).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "pending_requests" in answer.text


async def test_info_tells_what_runs(rig):
    told = (await rig.client(WALLBOARD).get("/v1/info")).json()
    assert told["nodes"] == ["finesse.example.com"]
    assert told["limits"]["maxPending"] == 10_000
    assert told["version"]


# -- errors ---------------------------------------------------------------------------------


async def test_error_is_looked_up_by_code_constant_and_type(rig):
    client = rig.client(WALLBOARD)
    for text in ("34", "CF_INVALID_OBJECT_STATE", "Call Operation Failure"):
        answer = await client.get(f"/v1/errors/{text}")
        assert (answer.status_code, answer.json()) == (200, looked_up(text))
    uccx = await client.get("/v1/errors/CF_INVALID_OBJECT_STATE?deployment=UCCX")
    assert uccx.json() == looked_up("CF_INVALID_OBJECT_STATE", "UCCX")


async def test_error_is_read_with_what_stood_beside_it(rig):
    query = {"type": "Call Operation Failure", "data": "34"}
    answer = await rig.client().get("/v1/errors/CF_INVALID_OBJECT_STATE", params=query)
    assert answer.json()["explanation"]["constant"] == "CF_INVALID_OBJECT_STATE"
    alone = await rig.client().get("/v1/errors/CF_INVALID_OBJECT_STATE")
    assert "explanation" not in alone.json()


async def test_unknown_error_has_what_resembles_it(rig):
    answer = await rig.client().get("/v1/errors/CF_INVALID_OBJECT")
    told = problem(answer)
    assert (answer.status_code, told["type"]) == (404, "error_unknown")
    assert "CF_INVALID_OBJECT_STATE" in told["suggestions"]
    assert (await rig.client().get(f"/v1/errors/{'x' * 129}")).status_code == 404


@pytest.mark.parametrize("query", ["deployment=uccx", "kind=x", f"data={'1' * 129}"])
async def test_error_parameters_are_checked(rig, query):
    answer = await rig.client().get(f"/v1/errors/34?{query}")
    assert (answer.status_code, problem(answer)["type"]) == (422, "invalid_parameter")


# -- what an operator asks for --------------------------------------------------------------


async def test_reload_tells_what_changed(rig):
    rig.reloads.append({"added": ["1003"], "changed": ["1001"], "refused": ["1002"]})
    answer = await rig.client().post("/v1/reload")
    told = {"added": ["1003"], "removed": [], "changed": ["1001"], "refused": ["1002"]}
    rest = {"retried": [], "restartNeeded": [], "certificatesChanged": False}
    assert (answer.status_code, answer.json()) == (200, told | rest)


async def test_reload_tries_refused_passwords_again_only_when_that_is_said(rig):
    for query in ("", "?retryRefused=false", "?retryRefused=true"):
        assert (await rig.client().post(f"/v1/reload{query}")).status_code == 200
    assert rig.retried == [False, False, True]
    assert (await rig.client().post("/v1/reload?retryRefused=yes")).status_code == 422
    assert len(rig.retried) == 3


async def test_settings_that_cannot_work_change_nothing_and_say_why(rig):
    rig.reloads.append(ConfigurationError("listener.toml: agents (1003): no password"))
    answer = await rig.client().post("/v1/reload")
    told = problem(answer)
    assert (answer.status_code, told["type"]) == (409, "settings_invalid")
    assert told["detail"] == "listener.toml: agents (1003): no password"


@pytest.mark.parametrize("body", [{"number": "+12025550101"}, {"dialogId": "54321"}])
async def test_forget_tells_what_was_erased(rig, body):
    answer = await rig.client().post("/v1/forget", json=body)
    assert answer.status_code == 200
    assert "erased" in answer.json()


@pytest.mark.parametrize("body", [{}, {"number": "1", "dialogId": "2"}, {"number": ""}, {"x": 1}])
async def test_forget_wants_one_of_the_two(rig, body):
    answer = await rig.client().post("/v1/forget", json=body)
    assert (answer.status_code, problem(answer)["type"]) == (422, "invalid_request")


# -- the page -------------------------------------------------------------------------------


async def test_page_shows_the_description_from_this_machine_alone(rig):
    client = rig.client(WALLBOARD)
    page = await client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'self';", policy)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 4
    for address in addresses:
        found = await client.get(f"/{address}")
        assert (address.split("/")[0], found.status_code) == ("docs", 200)
        assert found.content
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|<style|https?://", page.text)
    shows = await client.get("/docs/show.js")
    assert '"openapi.json"' in shows.text
    assert "http" not in shows.text.replace('"use strict"', "")


async def test_page_has_no_other_files(rig):
    for name in ("redoc.standalone.js", "__init__.py", "..%2f__init__.py", "%2e%2e"):
        answer = await rig.client().get(f"/docs/{name}")
        assert answer.status_code in {400, 404}


async def test_description_is_served_as_it_is(rig):
    answer = await rig.client(WALLBOARD).get("/openapi.json")
    assert answer.json() == rig.app.openapi()
    assert answer.headers["cache-control"] == "no-store"
