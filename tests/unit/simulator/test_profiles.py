"""Tags, payload variants and dice: what differs between one Finesse and another."""

from __future__ import annotations

import pytest

from listener.simulator.interfaces import Form
from listener.simulator.profiles import Dice, ErrorSource, PayloadVariants, Tagging, Variants
from tests.unit.simulator.desk import Desk, MakeDesk


async def tags_of(desk: Desk) -> tuple[list[str | None], list[str | None]]:
    """Return the tags of a successful HOLD's events, and of a refused one's."""
    dialog = await desk.talking()
    await desk.act("1001", "HOLD", dialog, request_id="ok")
    good = [e.tag for e in desk.recorder.events]
    desk.recorder.events.clear()
    await desk.act("1001", "HOLD", dialog, request_id="no")
    return good, [e.tag for e in desk.recorder.events]


@pytest.mark.parametrize(
    ("tagging", "good", "bad"),
    [
        (Tagging.ALL, ["ok", "ok"], ["no"]),
        (Tagging.COUNTER, ["ok", "ok"], ["no"]),
        (Tagging.NONE, ["", ""], [""]),
        (Tagging.FIRST, ["ok", ""], ["no"]),
        (Tagging.ERRORS_EMPTY, ["ok", "ok"], [""]),
    ],
)
async def test_tagging_profile_decides_who_carries_the_id(
    make_desk: MakeDesk, tagging: Tagging, good: list[str], bad: list[str]
) -> None:
    assert await tags_of(make_desk(tagging=tagging)) == (good, bad)


async def test_drawn_tags_differ_from_event_to_event_and_repeat_with_the_seed(
    make_desk: MakeDesk,
) -> None:
    async def drawn(seed: int) -> list[str | None]:
        desk = make_desk(tagging=Tagging.DRAWN, seed=seed)
        for number in range(10):
            await desk.become("1001", "READY", request_id=f"r{number}")
        return [e.tag for e in desk.recorder.events]

    tags = await drawn(7)
    assert "" in tags
    assert len(set(tags)) > 1
    assert tags == await drawn(7)
    assert tags != await drawn(8)


async def test_tagging_can_keep_other_agents_copies_untagged(make_desk: MakeDesk) -> None:
    desk = make_desk(variants=Variants(tag_others=False))
    await desk.call("1001", "2002", request_id="m")
    assert {e.tag for e in desk.dialogs("1001")} == {"m"}
    assert {e.tag for e in desk.dialogs("1002")} == {""}


async def test_payload_variants_change_the_writing_and_not_the_meaning(
    make_desk: MakeDesk,
) -> None:
    payload = PayloadVariants(form=Form.CDATA, data_first=False, lower_event=True, empty_tag=False)
    desk = make_desk(variants=Variants(payload=payload), tagging=Tagging.NONE)
    dialog = await desk.talking()
    await desk.act("1001", "HOLD", dialog, request_id="h")
    event = desk.dialogs("1001")[0]
    assert event.payload.startswith("<Update><event>put</event>")
    assert event.form is Form.CDATA
    assert event.tag is None
    assert event.party("2001")[0] == "HELD"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (ErrorSource.USER, "/finesse/api/User/1001"),
        (ErrorSource.DIALOGS, "/finesse/api/User/1001/Dialogs"),
        (ErrorSource.ABSENT, None),
    ],
)
async def test_error_without_a_dialog_has_one_of_three_sources(
    make_desk: MakeDesk, source: ErrorSource, expected: str | None
) -> None:
    desk = make_desk(variants=Variants(error_source=source))
    await desk.talking()
    await desk.call("1001", "5550199", request_id="m")
    (error,) = desk.errors("1001")
    assert error.source == expected
    assert desk.finesse.deed("1001", "m")[0].effect is False


async def test_everything_drawn_still_reaches_the_same_true_state(make_desk: MakeDesk) -> None:
    for seed in range(12):
        desk = make_desk(variants=Variants.drawn(), tagging=Tagging.DRAWN, seed=seed)
        original, consult = await desk.consulting()
        await desk.act("1001", "TRANSFER", original)
        assert {p.address for p in desk.finesse.calls[original].parties} == {"5550100", "5550199"}
        assert desk.finesse.calls[consult].over


def test_dice_with_one_seed_agree_and_streams_are_their_own() -> None:
    one, same, other = Dice(1, "a"), Dice(1, "a"), Dice(1, "b")
    first = [one.number(0, 10**9) for _ in range(5)]
    assert first == [same.number(0, 10**9) for _ in range(5)]
    assert first != [other.number(0, 10**9) for _ in range(5)]
    assert not one.happens(0)
    assert one.happens(1)
