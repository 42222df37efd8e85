"""Lists and forgetting behind the API: what is found, what is erased, and who waits meanwhile."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest

from listener.backend.requests import AT_ONCE
from listener.correlation.desk import Limits
from listener.errors import InvalidRequest, NotKept
from listener.finesse.actions import Hold, MakeCall
from listener.offers import Wanted
from listener.reloading import Reloader
from listener.service import Policy, Wishes
from listener.serving import Doors
from listener.trust import Trust
from listener.web.tokens import Tokens
from tests.builders import AGENT, CALL
from tests.shell.api_rig import OTHER, problem, rigged
from tests.shell.house import write_tokens

NUMBER = "+12025550101"
MANY = Policy(limits=Limits(max_pending=1000, max_pending_per_agent=1000))


@pytest.fixture
async def rig():
    async with rigged(MANY) as rig:
        yield rig


def submit(rig, request=None, **wishes):
    request = request or Hold(agent=AGENT, dialog_id=CALL, target_media_address="1001")
    return rig.service.submit(request, Wishes(allow_repeat=True, require_session=False, **wishes))


async def listed(rig, **wanted):
    wanted = {"state": None, "agent": None, "request_id": None, "limit": 1000} | wanted
    return [each["id"] async for each in rig.backend.resources(**wanted)]


# -------------------------------------------------------------------------------------- lists


async def test_list_finds_the_same_by_each_name_as_a_look_at_all_records(rig):
    for number in range(60):
        agent = (AGENT, OTHER)[number % 2]
        request = Hold(agent=agent, dialog_id=str(number), target_media_address="1001")
        ticket = submit(rig, request, request_id=str(number % 7 + 1))
        if number % 3 == 0:
            ticket.abandon()
    rig.service.forget(lambda record: record.request.dialog_id in {"6", "12"})
    records = sorted(rig.service.records.values(), key=lambda record: record.key, reverse=True)
    assert len(records) == 58
    for state in (None, "open", "settled"):
        for agent in (None, AGENT, OTHER, "nobody"):
            for request_id in (None, "1", "5", "99"):
                expected = [
                    record.key
                    for record in records
                    if state in {None, "open" if record.outcome is None else "settled"}
                    and agent in {None, record.request.agent}
                    and request_id in {None, record.request_id}
                ]
                wanted = {"state": state, "agent": agent, "request_id": request_id}
                assert await listed(rig, **wanted) == expected
                assert await listed(rig, **wanted, limit=3) == expected[:3]


async def test_others_have_their_turn_while_a_list_is_rendered(rig):
    tickets = [submit(rig) for _ in range(10 * AT_ONCE)]
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(take_turns())
    found = await listed(rig)
    task.cancel()
    assert len(found) == len(tickets)
    assert turns >= 10


async def test_lists_are_rendered_one_after_the_other(rig):
    for _ in range(3 * AT_ONCE):
        submit(rig)
    begun: list[int] = []

    async def one(number: int) -> None:
        found = rig.backend.resources(state=None, agent=None, request_id=None, limit=1000)
        while await anext(found, None) is not None:
            begun.append(number)

    await asyncio.gather(one(1), one(2), one(3))
    assert begun == [1] * 3 * AT_ONCE + [2] * 3 * AT_ONCE + [3] * 3 * AT_ONCE


# -------------------------------------------------------------------------------------- forget


@pytest.mark.parametrize("number", ["1", "12", "+", "abc", "12ab34"])
async def test_refused_forget_erases_nothing(rig, number):
    rig.chronicle.session(AGENT, {"note": "1 12 + abc 12ab34"})
    submit(rig).abandon()
    before = rig.chronicle.told()
    answer = await rig.client().post("/v1/forget", json={"number": number})
    assert (answer.status_code, problem(answer)["type"]) == (422, "invalid_request")
    assert rig.chronicle.told() == before
    assert len(rig.service.records) == 1


async def test_forget_erases_nothing_in_memory_where_the_journal_cannot(rig):
    rig.chronicle.session(AGENT, {"note": NUMBER})
    before = rig.chronicle.told()

    async def forget(**_wanted: object) -> None:
        raise NotKept("no room")

    rig.backend.journal = SimpleNamespace(forget=forget)
    with pytest.raises(NotKept):
        await rig.backend.forget(number=NUMBER, dialog_id=None)
    assert rig.chronicle.told() == before


async def test_forget_takes_requests_that_name_the_number_and_all_their_events(rig):
    call = MakeCall(agent=AGENT, from_address="1001", to_address=NUMBER)
    named, other = submit(rig, call), submit(rig)
    for ticket in (named, other):
        ticket.abandon()
        await ticket.outcome()
    still = submit(rig, call)
    told = (await rig.backend.forget(number="1 202 555-0101", dialog_id=None))["erased"]
    assert told["settled"] == 1
    assert set(rig.service.records) == {other.id, still.id}
    ids = {entry.key for entry in rig.chronicle.told().entries}
    assert ids == {other.id}
    assert told["recent"] > 0


async def test_forget_by_dialog_takes_whole_ids_alone(rig):
    for dialog in ("100", "1000"):
        request = Hold(agent=AGENT, dialog_id=dialog, target_media_address="1001")
        ticket = submit(rig, request)
        ticket.abandon()
        await ticket.outcome()
    await rig.backend.forget(number=None, dialog_id="100")
    assert [each.request.dialog_id for each in rig.service.records.values()] == ["1000"]
    reader = rig.backend.events(Wanted(), f"{rig.chronicle.epoch}-0")
    told = await asyncio.wait_for(anext(reader), 20)
    assert told.data["dialogId"] == "1000"


async def test_forget_wants_a_number_or_a_dialog(rig):
    with pytest.raises(InvalidRequest):
        await rig.backend.forget(number=None, dialog_id=None)


# -------------------------------------------------------------------------------------- tokens


async def test_tokens_are_read_again_beside_the_loop(tmp_path, rig, monkeypatch):
    file = tmp_path / "tokens.toml"
    write_tokens(file)
    doors = Doors(file)
    threads: list[int] = []
    load = Tokens.load

    def noted(path):
        threads.append(threading.get_ident())
        return load(path)

    monkeypatch.setattr(Tokens, "load", noted)
    tokens = write_tokens(file)
    settings = rig.backend._settings
    trust = Trust(settings.finesse.ca_file)
    await Reloader(settings, DepartedNone(), doors, lambda: settings, trust).reload()
    assert threads
    assert threading.get_ident() not in threads
    assert doors.tokens.find(tokens["read"]) is not None


class DepartedNone:
    def __init__(self) -> None:
        self.ears: dict[str, object] = {}

    async def departed(self, agents) -> None:
        assert not agents
