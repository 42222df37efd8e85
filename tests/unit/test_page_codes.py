"""One-time codes and cookies: what opens the page, for how long, and what does not."""

from __future__ import annotations

import base64
import json
import random
from contextlib import suppress

import pytest

from listener.page import codes, cookies
from listener.page.codes import MOST, MOST_OF_ONE, MOST_WRONG, Codes, Grant, WrongCode
from listener.page.cookies import Cookies, Visit

NOW = 1_000.0
WALL = 1_795_000_000.0
UID = Grant("uid:1000")
KEY = bytes(range(32))
VISIT = Visit("uid:1000", WALL + cookies.VALID_FOR, numbers=True)


# ---------------------------------------------------------------- codes


def test_a_code_opens_once():
    known = Codes()
    code = known.issue(UID, NOW)

    assert known.redeem(code, NOW + 1) == UID
    with pytest.raises(WrongCode):
        known.redeem(code, NOW + 1)


def test_a_code_has_256_bits_and_no_two_are_alike():
    known = Codes()
    made = {known.issue(UID, NOW) for _ in range(20)}

    assert len(made) == 20
    assert {len(base64.urlsafe_b64decode(code + "=")) for code in made} == {32}


def test_a_code_is_good_for_a_minute_and_not_for_longer():
    known = Codes()
    early, late = known.issue(UID, NOW), known.issue(UID, NOW)

    assert known.redeem(early, NOW + codes.VALID_FOR - 0.001) == UID
    with pytest.raises(WrongCode):
        known.redeem(late, NOW + codes.VALID_FOR)


@pytest.mark.parametrize("wrong", ["", "x", "A" * 43, "\ud800", "x" * 10_000])
def test_what_was_never_issued_opens_nothing(wrong):
    known = Codes()
    known.issue(UID, NOW)

    with pytest.raises(WrongCode):
        known.redeem(wrong, NOW)


def test_a_code_gives_what_it_was_asked_for():
    known = Codes()
    plain, numbers = known.issue(UID, NOW), known.issue(Grant("crm", numbers=True), NOW)

    assert known.redeem(numbers, NOW) == Grant("crm", numbers=True)
    assert known.redeem(plain, NOW) == UID


def test_so_many_codes_of_one_caller_are_outstanding_and_no_more():
    known = Codes()
    made = [known.issue(UID, NOW) for _ in range(MOST_OF_ONE + 1)]

    with pytest.raises(WrongCode):
        known.redeem(made[0], NOW)
    assert all(known.redeem(code, NOW) == UID for code in made[1:])


def test_who_asks_for_many_codes_pushes_out_nobody_elses():
    known = Codes()
    first = known.issue(UID, NOW)
    for _ in range(2 * MOST):
        known.issue(Grant("reader"), NOW)

    assert known.redeem(first, NOW) == UID


def test_where_many_ask_whoever_has_most_codes_loses_one():
    known = Codes()
    mine = known.issue(UID, NOW)
    theirs = [[known.issue(Grant(who), NOW) for _ in range(MOST_OF_ONE)] for who in "abcd"]
    further = known.issue(Grant("e"), NOW)
    left = 0
    for code in (code for codes_ in theirs for code in codes_):
        with suppress(WrongCode):
            known.redeem(code, NOW)
            left += 1

    assert known.redeem(mine, NOW) == UID
    assert known.redeem(further, NOW) == Grant("e")
    assert left == MOST - 2


def test_many_wrong_codes_are_told_to_wait_and_a_right_one_is_taken():
    known = Codes()
    right = known.issue(UID, NOW)
    for _ in range(MOST_WRONG):
        with pytest.raises(WrongCode) as first:
            known.redeem("wrong", NOW)
        assert first.value.retry_after is None
    with pytest.raises(WrongCode) as further:
        known.redeem("wrong", NOW + 10)

    assert further.value.retry_after == codes.WRONG_WITHIN - 10
    assert known.redeem(right, NOW + 10) == UID
    with pytest.raises(WrongCode) as later:
        known.redeem("wrong", NOW + codes.WRONG_WITHIN)
    assert later.value.retry_after is None


def test_no_repr_shows_a_code():
    known = Codes()
    code = known.issue(UID, NOW)

    assert code not in repr(known) + repr(known._codes)
    assert code not in repr(vars(known))


# ---------------------------------------------------------------- cookies


def value_of(header: str) -> str:
    return header.partition(";")[0]


def test_a_cookie_tells_whose_visit_it_is():
    jar = Cookies(KEY)
    given = value_of(jar.header(VISIT, WALL, secure=False))

    assert jar.visit([f"other=1; {given}"], WALL + 5, secure=False) == VISIT
    assert jar.visit(["a=b", given], WALL + 5, secure=False) == VISIT


def test_a_cookie_is_kept_from_scripts_and_from_other_sites():
    jar = Cookies(KEY)
    plain = jar.header(VISIT, WALL, secure=False)
    secure = jar.header(VISIT, WALL, secure=True)

    rest = {"Max-Age=43200", "Path=/", "HttpOnly", "SameSite=Strict"}
    assert set(plain.split("; ")[1:]) == rest
    assert set(secure.split("; ")[1:]) == rest | {"Secure"}
    assert secure.startswith("__Host-")
    assert "Domain" not in secure


def test_a_cookie_of_plain_http_is_none_over_tls():
    jar = Cookies(KEY)

    assert jar.visit([value_of(jar.header(VISIT, WALL, secure=False))], WALL, secure=True) is None


def test_a_cookie_ends_after_twelve_hours():
    jar = Cookies(KEY)
    given = value_of(jar.header(VISIT, WALL, secure=False))

    assert jar.visit([given], VISIT.until - 1, secure=False) == VISIT
    assert jar.visit([given], VISIT.until, secure=False) is None


def test_a_cookie_from_later_than_it_could_be_is_none():
    """The clock was set back: it would be good for longer than 12 hours."""
    jar = Cookies(KEY)
    given = value_of(jar.header(VISIT, WALL, secure=False))

    assert jar.visit([given], WALL - 60, secure=False) is None


def test_another_key_knows_no_cookie_and_has_another_name():
    mine, other = Cookies(KEY), Cookies(bytes(32))
    given = value_of(mine.header(VISIT, WALL, secure=False))
    value = given.partition("=")[2]

    assert mine.name(secure=False) != other.name(secure=False)
    assert other.visit([f"{other.name(secure=False)}={value}"], WALL, secure=False) is None


def test_a_cookie_that_was_changed_anywhere_is_none():
    jar = Cookies(KEY)
    name, _, value = value_of(jar.header(VISIT, WALL, secure=False)).partition("=")
    chance = random.Random(7)
    for place in range(len(value)):
        other = chance.choice([c for c in "aZ09_-." if c != value[place]])
        changed = value[:place] + other + value[place + 1 :]
        assert jar.visit([f"{name}={changed}"], WALL, secure=False) is None, place


@pytest.mark.parametrize("value", ["", ".", "e30.00", "x" * 5000, "=", "e30." + "0" * 64])
def test_what_is_no_cookie_of_ours_is_none(value):
    jar = Cookies(KEY)

    assert jar.visit([f"{jar.name(secure=False)}={value}"], WALL, secure=False) is None


def test_a_foreign_cookie_of_our_name_does_not_hide_ours():
    """Another port of this host may have set one."""
    jar = Cookies(KEY)
    given = value_of(jar.header(VISIT, WALL, secure=False))

    assert jar.visit([f"{jar.name(secure=False)}=x; {given}"], WALL, secure=False) == VISIT


def test_more_numbers_cannot_be_written_into_a_cookie():
    jar = Cookies(KEY)
    header = jar.header(Visit("crm", VISIT.until), WALL, secure=False)
    name, _, value = value_of(header).partition("=")
    body, _, mac = value.partition(".")
    told = json.loads(base64.urlsafe_b64decode(body + "=="))
    more = base64.urlsafe_b64encode(json.dumps({**told, "n": True}).encode()).decode().rstrip("=")

    assert jar.visit([f"{name}={body}.{mac}"], WALL, secure=False) == Visit("crm", VISIT.until)
    assert jar.visit([f"{name}={more}.{mac}"], WALL, secure=False) is None


def test_no_repr_shows_the_key():
    assert KEY.hex() not in repr(Cookies(KEY))
