"""A short hunt over each target with a fixed seed; and that a hunt finds what it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from listener import logs
from listener.finesse import parsed
from tests.fuzz import hunt as hunting
from tests.fuzz.__main__ import TARGETS, main
from tests.fuzz.hunt import Find, Hunt, Tally
from tests.fuzz.target import Case, Target, Watch, hold, saved

SEED = 20261121
SHORT = {"parser": 1_200, "session": 400, "api": 250, "config": 600, "rest": 100}


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_found_in_a_short_hunt(name: str, tmp_path: Path):
    with Hunt(TARGETS[name](), seed=SEED, folder=tmp_path) as hunt:
        tally = hunt.run(cases=SHORT[name])
    assert [(find.error, find.case) for find in tally.finds] == [], f"seed {SEED}"
    assert tally.cases == SHORT[name]


class Brittle(Target):
    """Fails for whatever holds an `x` and a `y`; or tells of it elsewhere, as `how` says."""

    name = "brittle"
    tokens = (b"a", b"b", b"x", b"y", b"long-and-harmless")

    def __init__(self, how: str = "raises") -> None:
        self.how = how
        self.started = self.stopped = 0

    async def start(self) -> None:
        self.started += 1

    async def stop(self) -> None:
        self.stopped += 1

    def mutated(self, mutator) -> Case:
        return (mutator.octets(b"some good input of letters", b""), b"second")

    def made(self, pieces: list[bytes]) -> Case:
        return (b"".join(pieces),)

    async def check(self, case: Case) -> None:
        whole = b"".join(case)
        hold(not (b"x" in whole and b"y" in whole), "no x beside a y")


def test_what_hypothesis_finds_is_small_saved_and_can_be_fed_again(tmp_path: Path):
    with Hunt(Brittle(), seed=1, folder=tmp_path) as hunt:
        found = hunt._invented(500)
        assert found is not None
        hunt._keep(found)
    assert sorted(found.case[0]) == sorted(b"xy")
    assert found.file is not None
    assert saved(found.file) == ("brittle", found.case)


def test_what_chance_finds_is_made_smaller_too():
    with Hunt(Brittle(), seed=1, folder=None) as hunt:
        big = (b"aaaaaaaaaaaaaaaaaaxaaaaaaaaaaa", b"bbbbbbbbbbbbbybbbbbb", b"cc")
        error = hunt.trouble(big)
        assert error is not None
        small = hunt._smaller(Find(big, error))
    left = b"".join(small.case)
    assert len(left) < 10 < len(b"".join(big))
    assert b"x" in left
    assert b"y" in left


def test_the_same_seed_makes_the_same_cases():
    def cases(seed: int) -> list[Case]:
        with Hunt(TARGETS["parser"](), seed=seed, folder=None) as hunt:
            return [hunt.target.mutated(hunt._mutator) for _ in range(50)]

    assert cases(1) == cases(1) != cases(2)


def test_a_fault_in_the_reader_is_found_saved_and_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Planted: the JSON of an error breaks when it has no type."""
    right = parsed.error_json

    def wrong(error):
        if not error.error_type:
            raise KeyError("planted")
        return right(error)

    monkeypatch.setattr(hunting, "SHRINK", 20)
    monkeypatch.setattr(parsed, "error_json", wrong)
    asked = ["--seed", "1", "--only", "parser", "--minutes", "0.5", "--folder", str(tmp_path)]
    assert main(asked) == 1
    told = capsys.readouterr().out
    assert "planted" in told
    file = next(tmp_path.glob("parser-*.json"))
    assert f"python -m tests.fuzz --replay {file}" in told
    assert main(["--replay", str(file)]) == 1
    monkeypatch.undo()
    assert main(["--replay", str(file)]) == 0


async def test_a_fault_that_nobody_raises_is_seen_in_the_log():
    watch = Watch()
    with watch.watching():
        logs.get("listener.hearing").warning("notification.malformed", reason="dtd")
        watch.none()
        logs.get("listener.hearing").error("notification.failed")
        with pytest.raises(AssertionError, match="notification"):
            watch.none()


def test_memory_that_grows_is_told():
    flat = Tally(resident=[(float(n), 1000) for n in range(30)])
    growing = Tally(resident=[(float(n), 1000 * n) for n in range(30)])
    assert flat.growth() == 0
    assert growing.growth() == 10_000
    assert Tally().growth() is None
