"""The page's time line: what is made of what was told of sessions, and what bounds it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from listener.errors import ConfigurationError
from listener.ledger import first_key, new_key, now_utc
from listener.page import timeline
from listener.page.cookies import Cookies
from listener.page.keys import key_for
from listener.page.timeline import Before

START = now_utc().replace(hour=8, minute=0, second=0, microsecond=0)


def at(minute: float) -> str:
    return timeline.stamp(START + timeline.timedelta(minutes=minute)) or ""


def session(minute: float, agent: str = "1001", *, live: bool, state: str = "up") -> dict[str, Any]:
    return {"at": at(minute), "id": agent, "live": live, "state": state, "node": "fin1"}


def gap(minute: float, until: float | None, agent: str = "1001") -> dict[str, Any]:
    return {
        "at": at(until or minute),
        "agent": agent,
        "from": at(minute),
        "until": None if until is None else at(until),
        "cause": "the connection ended",
        "lossless": False,
    }


def agent(name: str = "1001", *, live: bool = True, since: float = 0.0) -> dict[str, Any]:
    state = "up" if live else "down"
    return {"id": name, "live": live, "state": state, "node": "fin1", "since": at(since)}


async def line(
    *happened: dict[str, Any],
    before: tuple[dict[str, Any], ...] = (),
    now: tuple[dict[str, Any], ...] = (agent(),),
    minutes: int = 60,
    only: str | None = None,
) -> dict[str, Any]:
    page = SimpleNamespace(
        wall=lambda: START + timeline.timedelta(minutes=60),
        started=START + timeline.timedelta(minutes=10),
        chronicle=SimpleNamespace(hearing=happened, journal=None, begun=0),
        before=Before(before, at(0) if before else None),
        seeded=timeline_lock(),
    )
    return await timeline.timeline(page, minutes, only, list(now))


class timeline_lock:  # noqa: N801  stands for an asyncio.Lock
    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


def shown(spans: list[dict[str, Any]]) -> list[tuple[str, str | None, bool]]:
    return [(each["from"], each["until"], each["live"]) for each in spans]


async def test_spans_follow_one_another_and_the_last_is_how_it_is():
    found = await line(
        session(11, live=False, state="connecting"),
        session(12, live=True),
        session(13, live=True),
        session(20, live=False, state="down"),
        session(21, live=True),
    )
    (one,) = found["agents"]

    assert shown(one["spans"]) == [
        (at(11), at(12), False),
        (at(12), at(20), True),
        (at(20), at(21), False),
        (at(21), None, True),
    ]
    assert one["gaps"] == []
    assert found["known"] == found["started"] == at(10)


async def test_a_gap_is_told_once_when_it_is_over_and_open_while_it_lasts():
    over = await line(gap(20, None), gap(20, 22))
    lasting = await line(gap(20, 22), gap(30, None), now=(agent(live=False),))

    assert [(g["from"], g["until"]) for g in over["agents"][0]["gaps"]] == [(at(20), at(22))]
    assert [(g["from"], g["until"]) for g in lasting["agents"][0]["gaps"]] == [
        (at(20), at(22)),
        (at(30), None),
    ]


async def test_nobody_heard_while_no_process_ran():
    found = await line(
        session(11, live=True),
        before=(session(1, live=True), gap(5, None)),
    )
    (one,) = found["agents"]

    assert shown(one["spans"]) == [(at(1), at(10), True), (at(11), None, True)]
    assert [(g["from"], g["until"]) for g in one["gaps"]] == [(at(5), at(10))]
    assert found["known"] == at(0)


async def test_an_agent_of_which_nothing_was_told_is_as_it_is():
    found = await line(now=(agent("1002", since=3),))

    assert shown(found["agents"][0]["spans"]) == [(at(3), None, True)]


async def test_what_is_older_than_asked_for_is_left_out():
    told = (session(11, live=True), gap(12, 13), gap(50, 51), session(50, live=False))
    found = await line(*told, session(51, live=True), minutes=15)

    assert [g["from"] for g in found["agents"][0]["gaps"]] == [at(50)]
    assert shown(found["agents"][0]["spans"])[0] == (at(11), at(50), True)
    assert len(found["agents"][0]["spans"]) == 3


async def test_who_has_trouble_comes_first_and_one_agent_can_be_asked_for():
    now = (agent("1001"), agent("1002", live=False), agent("1003"))
    told = (gap(20, 21, "1003"), session(22, "gone", live=True))
    every = await line(*told, now=now)
    one = await line(*told, now=now, only="1003")

    assert [each["id"] for each in every["agents"]] == ["1002", "1003", "1001"]
    assert [each["id"] for each in one["agents"]] == ["1003"]


async def test_so_much_is_told_and_the_rest_is_counted(monkeypatch):
    monkeypatch.setattr(timeline, "MOST", 10)
    told = [gap(11 + n, 11.5 + n) for n in range(40)]
    found = await line(*told, now=(agent("1001"), agent("1002")))

    assert found["leftOut"] == 35
    assert [g["from"] for g in found["agents"][0]["gaps"]] == [at(46 + n) for n in range(5)]


# ---------------------------------------------------------------- keys


def test_the_first_key_of_a_moment_sorts_before_all_that_are_made_from_it_on():
    moment = now_utc()
    early = first_key(moment)

    assert all(early < new_key() for _ in range(20))
    assert first_key(moment - timeline.timedelta(milliseconds=1)) < early


def test_the_key_of_the_cookies_lies_beside_the_journal_and_stays(tmp_path):
    journal = tmp_path / "journal.sqlite"
    first, again = key_for(journal), key_for(journal)
    (file,) = tmp_path.iterdir()

    assert first == again
    assert len(first) == 32
    assert file.name == "journal.sqlite.page.key"
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_journal_the_key_is_of_this_process_alone():
    assert key_for(None) != key_for(None)


def test_without_room_for_it_the_key_is_of_this_process_alone(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("listener.journal.keys.os.fsync", full)
    names = {Cookies(key_for(tmp_path / "j")).name(secure=False) for _ in range(2)}

    assert len(names) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("content", "mode"), [(b"short", 0o600), (bytes(32), 0o644)])
def test_a_key_that_cannot_be_is_refused_with_the_way_out(tmp_path, content, mode):
    file = tmp_path / "j.page.key"
    file.write_bytes(content)
    file.chmod(mode)

    with pytest.raises(ConfigurationError, match=r"j\.page\.key.*remove it"):
        key_for(tmp_path / "j")
