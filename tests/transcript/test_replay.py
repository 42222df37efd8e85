"""What was recorded replays to the same outcomes, masked or not, whole or in parts."""

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listener.correlation.outcome import Failed
from listener.finesse.actions import Hold
from listener.transcript import Options, Replay, Result, Trouble, Word, masks, read
from tests.oracle.clock import VirtualLoop, run
from tests.oracle.story import Step, Story, generate
from tests.transcript.recorded import RecordedWorld, play_recorded
from tests.transcript.scenes import TRAITS, Stage

SEVERAL = settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def replayed(*paths: Path) -> list[Result]:
    troubles: list[object] = []
    results = list(Replay(troubles.append).run(read(*paths, trouble=troubles.append)))
    assert troubles == []
    return results


def words(*paths: Path) -> Counter[Word]:
    return Counter(result.word for result in replayed(*paths))


def with_restarts(seed: int) -> Story:
    """Return a story in which the program is killed while call data is being changed."""
    story = generate(seed)
    asks = [s for s in story.steps if s.do == "ask" and "UPDATE_CALL_DATA" in s.args["wish"][:1]]
    kills = [Step(ask.at + 0.03, "restart", 0, {"back": 0.5}) for ask in asks[:2]]
    steps = sorted((*story.steps, *kills), key=lambda step: step.at)
    return replace(story, steps=tuple(steps))


@SEVERAL
@given(seed=st.integers(1, 10**6), show=st.booleans())
def test_a_random_story_replays_to_its_own_outcomes(tmp_path: Path, seed: int, show: bool):  # noqa: FBT001
    path = tmp_path / f"{seed}-{show}.jsonl"
    path.unlink(missing_ok=True)

    account = play_recorded(generate(seed), path, show_numbers=show)

    found = words(path)
    assert found[Word.DIFFERENT] == 0
    ended = sum(asked.outcome is not None for asked in account.asked)
    assert found[Word.SAME] + found[Word.PARTIAL] == ended


@SEVERAL
@given(seed=st.integers(1, 10**6))
def test_over_restarts_sealed_call_data_is_compared_all_the_same(tmp_path: Path, seed: int):
    path = tmp_path / f"{seed}.jsonl"
    path.unlink(missing_ok=True)

    play_recorded(with_restarts(seed), path)

    assert words(path)[Word.DIFFERENT] == 0


def test_masked_and_unmasked_say_the_same_of_every_request(tmp_path: Path):
    story = generate(3)
    play_recorded(story, tmp_path / "masked.jsonl")
    play_recorded(story, tmp_path / "shown.jsonl", show_numbers=True)

    masked, shown = replayed(tmp_path / "masked.jsonl"), replayed(tmp_path / "shown.jsonl")

    assert len(masked) > 30
    assert [(r.key, r.replayed and r.replayed.kind) for r in masked] == [
        (r.key, r.replayed and r.replayed.kind) for r in shown
    ]


def test_news_told_again_and_written_otherwise_replay_as_they_were_judged(tmp_path: Path):
    """A callback is gone, and one event looked like that before it was set: only a GET tells."""
    path = tmp_path / "t.jsonl"

    play_recorded(generate(3020), path)

    assert words(path)[Word.DIFFERENT] == 0


def test_masks_that_forget_how_a_number_began_are_found_out(tmp_path: Path, monkeypatch):
    """The comparison can fail: a mask under which numbers differ makes other outcomes."""
    count = iter(range(10**9))
    monkeypatch.setattr(masks.Masks, "_number", lambda _self, text: f"{next(count):0{len(text)}}")
    monkeypatch.setattr(masks, "_REMEMBERED", 0)
    path = tmp_path / "t.jsonl"

    play_recorded(generate(3), path)

    assert Counter(r.word for r in Replay().run(read(path)))[Word.DIFFERENT] > 0


@pytest.mark.parametrize("show", [False, True], ids=["masked", "shown"])
def test_parts_given_in_any_order_are_one_transcript(tmp_path: Path, show: bool):  # noqa: FBT001
    path = tmp_path / "t.jsonl"
    play_recorded(generate(5), path, show_numbers=show, part=60_000)
    parts = sorted(tmp_path.iterdir(), reverse=True)

    assert len(parts) > 3
    assert set(words(*parts)) == {Word.SAME}


def test_the_last_parts_alone_are_enough_to_go_on_from_there(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    play_recorded(generate(5, asks=120), path, part=60_000)
    rest = sorted(tmp_path.glob("t.jsonl.*"), key=lambda p: int(p.suffix[1:]))
    parts = [path, *rest[-max(4, len(rest) // 2) :]]  # how many there are is the writing thread's

    found = words(*parts)

    assert found[Word.SAME] > 10
    assert found[Word.DIFFERENT] == 0


def test_a_part_that_is_missing_in_the_middle_spoils_nothing_behind_it(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    play_recorded(generate(5), path, part=60_000)
    (tmp_path / "t.jsonl.2").unlink()

    found = words(*tmp_path.iterdir())

    assert found[Word.SAME] > 10
    assert found[Word.DIFFERENT] == 0


def test_an_outcome_that_was_recorded_otherwise_is_found_out(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    play_recorded(generate(1), path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    told = next(each for each in lines if each["what"] == "outcome")
    told["outcome"] = {"kind": "unconfirmed", "reason": "deadline"}
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))

    different = [result for result in replayed(path) if result.word is Word.DIFFERENT]

    assert [result.key for result in different] == [told["key"]]
    assert "kind" in {name for name, _, _ in different[0].differences()}


def test_a_transcript_that_is_cut_in_the_middle_of_a_line_says_so_and_goes_so_far(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    play_recorded(generate(1), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    troubles: list[Trouble] = []

    found = Counter(r.word for r in Replay().run(read(path, trouble=troubles.append)))

    assert found[Word.SAME] > 10
    assert found[Word.DIFFERENT] == 0
    (trouble,) = troubles
    assert trouble.number == path.read_bytes().count(b"\n") + 1
    assert "ends in the middle" in str(trouble)


def test_lost_lines_are_counted_and_nothing_is_compared_over_them(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    play_recorded(generate(5), path, part=60_000)
    lines = (tmp_path / "t.jsonl.1").read_text().splitlines()
    head, middle = lines[0], len(lines) // 2
    lost = json.dumps({**json.loads(lines[middle]), "what": "lost", "count": 7})
    (tmp_path / "t.jsonl.1").write_text("\n".join([head, *lines[1:middle], lost]) + "\n")
    player = Replay()

    found = Counter(r.word for r in player.run(read(*tmp_path.iterdir())))

    assert player.lost == 7
    assert found[Word.SAME] > 10
    assert found[Word.DIFFERENT] == 0


def test_no_digit_that_was_sent_is_in_a_transcript(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    sent: list[str] = []
    for seed in range(1, 9):
        account = play_recorded(generate(seed), path, show_numbers=True)
        sent += [getattr(asked.request, "dtmf_string", "") for asked in account.asked]

    assert "1234#" in sent
    assert "1234#" not in path.read_text(encoding="utf-8")


def test_a_failed_request_keeps_its_errors_in_words(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    play_recorded(generate(1), path)

    failed = [r.replayed for r in replayed(path) if isinstance(r.replayed, Failed)]

    assert failed
    assert any(error.error_message for each in failed for error in each.errors)


def test_what_is_told_of_sealed_texts_is_needed(tmp_path: Path, monkeypatch):
    def different(path: Path) -> int:
        return words(path)[Word.DIFFERENT]

    for seed in range(14, 44):  # few stories have values that only the seal tells apart
        path = tmp_path / f"{seed}.jsonl"
        play_recorded(with_restarts(seed), path)
        assert different(path) == 0, seed
        with monkeypatch.context() as without:
            without.setattr("listener.transcript.likeness.Told.learn", lambda *_: None)
            if different(path):
                return
    pytest.fail("no story needed it")


def test_what_was_heard_after_a_standstill_replays_as_it_was_judged(tmp_path: Path):
    async def main(loop: VirtualLoop) -> str:
        async with RecordedWorld(loop, 1, TRAITS, Options(path=tmp_path / "t")) as world:
            await asyncio.sleep(1)
            stage = Stage(world)
            dialog = await stage.call()
            await stage.ask(Hold(agent="1001", dialog_id=dialog), wait=0)
            await asyncio.sleep(0.03)  # sent, and nothing heard of it
            loop._jumping.now += 60
            await asyncio.sleep(20)
            last = world.account.asked[-1].outcome
        assert last is not None
        return last.kind

    assert run(main) == "confirmed"
    said = (tmp_path / "t").read_text(encoding="utf-8")
    assert '"stood_still"' in said
    assert words(tmp_path / "t")[Word.DIFFERENT] == 0
