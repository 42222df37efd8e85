"""Masks keep what the core compares, and nothing else."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.digits import without_digits
from listener.finesse.actions.checks import same_number
from listener.finesse.messages import named_extension
from listener.transcript.masks import Masks

KEY = b"sixteen bytes at least"
MASKS = Masks(KEY)
NUMBERS = st.text(string.digits + " ().-/+*#", max_size=20)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        Masks(b"short")


@given(NUMBERS, NUMBERS)
def test_two_numbers_are_the_same_exactly_when_their_masks_are(one: str, other: str):
    assert (MASKS.number(one) == MASKS.number(other)) == (one == other)


@given(NUMBERS, NUMBERS)
def test_numbers_that_differ_in_separators_alone_still_do(one: str, other: str):
    masked = same_number(MASKS.number(one), MASKS.number(other))

    assert masked == same_number(one, other)


@given(NUMBERS)
def test_a_number_keeps_its_form(number: str):
    masked = MASKS.number(number)

    assert re.sub(r"\d", "0", masked) == re.sub(r"\d", "0", number)


def test_every_extension_of_four_digits_has_a_mask_of_its_own():
    assert len({MASKS.number(f"{n:04}") for n in range(10_000)}) == 10_000


def test_a_number_is_not_told_by_its_mask():
    numbers = [f"+1202555{n:04}" for n in range(200)]

    assert sum(MASKS.number(number) == number for number in numbers) == 0
    assert len({MASKS.number(number)[:8] for number in numbers}) > 150  # no common beginning


@given(TEXTS, TEXTS)
def test_call_data_are_the_same_exactly_when_their_masks_are(one: str, other: str):
    assert (MASKS.value(one) == MASKS.value(other)) == (one == other)


@given(TEXTS, st.integers(0, 40))
def test_what_a_value_begins_with_still_begins_its_mask(text: str, length: int):
    whole, part = MASKS.value(text), MASKS.value(text[:length])

    assert whole.startswith(part)
    assert len(whole) == len(text)


def test_another_run_has_other_masks():
    other = Masks(b"another key of another run")

    assert other.number("+12025550123") != MASKS.number("+12025550123")
    assert other.value("Miller") != MASKS.value("Miller")


def test_an_extension_in_an_error_has_the_mask_of_that_extension():
    text = MASKS.text("Invalid state: INVALID_ACTION HOLD on extension 2001")

    assert named_extension(text) == MASKS.number("2001")
    assert "INVALID_ACTION HOLD" in text
    assert "2001" not in text


@pytest.mark.parametrize("number", ["+1 202 555 0123", "tel:12025550123", "sip:alice@example.com"])
def test_a_number_in_a_text_is_masked(number: str):
    assert number not in MASKS.text(f"cannot reach {number} now")


@pytest.mark.parametrize(
    "text",
    [
        "DTMF string 4711# is invalid",
        "sendDTMF failed for 123456",
        "DTMF: 12AB34",
        "DTMF 4,8,1,5,1,6",
        "SEND_DTMF 4 8 1 5 1 6 2 3",
        "dtmf 4815-1623",
        "DTMF_48151623",
        "dtmf 9a7b5c3d1",
        "digits 48151623 refused",
        "cannot send DTMF code 97531097",
        "cannot send DTMF on call 97531097",
        "dtmf \uff14\uff18\uff11\uff15",
    ],
)
def test_what_may_be_somebody_elses_digits_is_hidden(text: str):
    hidden = without_digits(text)

    assert "***" in hidden
    assert not re.search(r"\d(\W?\w?\d){2}", hidden)


@pytest.mark.parametrize(
    "text", ["no dialog 16777217 any more", "errors 12345", "DTMF on dialog 54321"]
)
def test_numbers_that_are_no_digits_stay(text: str):
    assert without_digits(text) == text


def test_a_number_that_is_known_has_its_mask_wherever_a_text_repeats_it():
    known = {text: MASKS.number(text) for text in ("5551001", "2001", "20", "+1 202 555 0123")}
    told = "HOLD on extension 5551001: 5551001 (2001) cannot reach 120011 or +1 202 555 0123"

    written = MASKS.text(told, known)

    mask = known["5551001"]
    assert written.startswith(f"HOLD on extension {mask}: {mask} ({known['2001']}) ")
    assert written.endswith(f"cannot reach 120011 or {known['+1 202 555 0123']}")


def test_a_mask_is_not_masked_again_when_it_looks_like_another_number():
    one, other = "2001", MASKS.number("2001")

    assert MASKS.text(f"{one} called", {one: other, other: "0000"}) == f"{other} called"


@pytest.mark.parametrize("text", ["\U000f0000", "a\U000f0001b\U000ffffd"])
def test_characters_that_stand_for_masks_in_between_are_no_way_around_them(text: str):
    assert MASKS.text(text).replace("?", "") in {"", "ab"}


def test_a_text_beyond_all_measure_is_masked_whole():
    assert MASKS.text("word " * 20_000) == MASKS.value("word " * 20_000)


def test_no_repr_shows_the_key():
    assert "sixteen" not in repr(MASKS)
