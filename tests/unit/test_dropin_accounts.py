"""The guard of accounts: pairs, turns, what an answer says of a password."""

from __future__ import annotations

import asyncio
import base64
import zlib

import httpx
import pytest

from listener.dropin import lockout as lockouts
from listener.dropin import verdicts
from listener.dropin.credentials import Opaque, Pair, login_of, pair_of
from listener.dropin.lockout import Lockout
from listener.dropin.turns import Turns
from listener.dropin.verdicts import Verdict
from listener.rest import Message, Raw

SECRET = "s3cret:with-colon"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Cisco Finesse"'}


def pair(user: str = "1001", password: str = SECRET) -> Pair:
    found = pair_of(b"Basic " + base64.b64encode(f"{user}:{password}".encode()))
    assert found is not None
    return found


def errors(*types: str) -> bytes:
    inside = "".join(
        f"<ApiError><ErrorType>{each}</ErrorType><ErrorMessage>m</ErrorMessage></ApiError>"
        for each in types
    )
    return f"<ApiErrors>{inside}</ApiErrors>".encode()


# Credentials


def test_pair_holds_what_was_sent_and_shows_no_password():
    found = pair()
    assert (found.user, found.password.get_secret_value()) == ("1001", SECRET)
    assert SECRET not in repr(found)
    assert base64.b64encode(b"1001:" + SECRET.encode()).decode() not in repr(found)


def test_pairs_compare_by_user_and_password():
    assert pair() == pair()
    assert pair() != pair(password="another")
    assert pair("1001", "x") != pair("1002", "x")
    assert pair("a", "b:c").digest != pair("a", "bc").digest


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"Bearer abc",
        b"Basic",
        b"Basic not-base64!",
        b"Basic " + base64.b64encode(b"10:s") + b"x",
        b"Basic " + base64.b64encode(b"no colon"),
        b"Basic " + base64.b64encode(b":no user"),
    ],
)
def test_other_authorization_is_no_pair(header: bytes | None):
    assert pair_of(header) is None


def test_scheme_is_read_in_any_case_and_latin_1_as_such():
    found = pair_of(b"bAsIc  " + base64.b64encode("1001:gr\xfcn".encode("latin-1")))
    assert found is not None
    assert found.password.get_secret_value() == "gr\xfcn"


def encoded(plain: bytes = b"1001:s3cret>?") -> bytes:
    return base64.b64encode(plain)


@pytest.mark.parametrize(
    ("header", "exact"),
    [
        (b"Basic " + encoded(), True),
        (b"Basic " + encoded().rstrip(b"="), True),
        (b"basic\t" + encoded(), True),
        (b" BASIC   " + encoded() + b" ", True),
        (b"Basic " + encoded() + b"==", True),
        (b"Basic " + encoded()[:6] + b" " + encoded()[6:], False),
        (b'Basic "' + encoded().rstrip(b"=") + b'"', False),
        (b"Basic " + base64.urlsafe_b64encode(b"1001:s3cret>?"), False),
    ],
)
def test_a_pair_is_known_again_in_every_spelling_a_server_may_take(header: bytes, exact):
    found = pair_of(header)
    assert found is not None
    assert found == pair(password="s3cret>?")
    assert (found.exact, found.authorization) == (exact, header)


def test_a_password_in_another_encoding_is_no_exact_one():
    found = pair_of(b"Basic " + encoded("1001:gr\xfcn".encode("latin-1")))
    assert found is not None
    assert not found.exact


def test_what_holds_no_pair_is_known_by_its_bytes_alone():
    first, again = login_of(b"Basic ,,,"), login_of(b"Basic ,,,")
    assert isinstance(first, Opaque)
    assert first == again != login_of(b"Basic ,,,,")
    assert login_of(b"Negotiate abc") is not None
    assert ",,," not in repr(first)


@pytest.mark.parametrize("header", [None, b"", b"  ", b"Bearer abc", b"bearer\tabc"])
def test_no_credentials_and_bearer_hold_no_password(header: bytes | None):
    assert login_of(header) is None


# What an answer says


def verdict(
    status: int,
    body: bytes = b"",
    *,
    method: str = "PUT",
    path: bytes = b"/finesse/api/Dialog/5",
    good: bool = False,
    whole: bool = True,
    **headers: str,
) -> Verdict:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = Raw("n", sent=True, status=status, headers=httpx.Headers(named), body=body, whole=whole)
    return verdicts.of(raw, "1001", Message(method, path), was_good=good)


def test_success_on_the_users_things_is_good():
    assert verdict(202) is Verdict.GOOD
    assert verdict(200, path=b"/finesse/api/User/1001") is Verdict.GOOD


@pytest.mark.parametrize("path", [b"/finesse/api/SystemInfo", b"/finesse/api/Whatever"])
def test_success_where_anybody_may_look_proves_nothing(path: bytes):
    assert verdict(200, path=path) is Verdict.NOTHING


@pytest.mark.parametrize("status", [302, 400, 403, 404, 500, 503])
def test_other_answers_say_nothing(status: int):
    assert verdict(status) is Verdict.NOTHING


@pytest.mark.parametrize(
    "kind", ["Invalid State", "Invalid Authorization User Specified", "Generic Error"]
)
@pytest.mark.parametrize("good", [True, False])
def test_a_401_about_something_else_is_never_the_password(kind: str, good):
    for path in (b"/finesse/api/Dialog/5", b"/finesse/api/User/1001"):
        assert verdict(401, errors(kind), path=path, good=good, **CHALLENGE) is Verdict.NOTHING


def test_a_401_with_a_challenge_or_without_finesses_words_is_the_password():
    assert verdict(401, errors("Authorization Failure"), **CHALLENGE) is Verdict.REFUSED
    assert verdict(401, b"<html>Unauthorized</html>") is Verdict.REFUSED
    assert verdict(401) is Verdict.REFUSED


def test_a_401_about_the_users_own_things_is_the_password():
    own = b"/finesse/api/User/1001/Dialogs"
    assert verdict(401, errors("Authorization Failure"), path=own) is Verdict.REFUSED
    assert verdict(401, method="HEAD", path=own) is Verdict.REFUSED


def test_not_entitled_without_a_challenge_is_asked_about_once_more():
    assert verdict(401, errors("Authorization Failure")) is Verdict.SUSPECT
    assert verdict(401, errors("Invalid Authorization")) is Verdict.SUSPECT
    other = b"/finesse/api/User/1002"
    assert verdict(401, errors("Authorization Failure"), path=other) is Verdict.SUSPECT


def test_what_cannot_be_read_is_asked_about_once_more():
    assert verdict(401, b"\x1b\x03", Content_Encoding="br") is Verdict.SUSPECT
    assert verdict(401, b"<ApiErr", whole=False) is Verdict.SUSPECT
    assert verdict(401, errors(""), method="HEAD") is Verdict.SUSPECT


@pytest.mark.parametrize("good", [True, False])
def test_a_packed_body_is_unpacked_before_it_is_judged(good):
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    body = packer.compress(errors("Invalid State")) + packer.flush()
    given = verdict(401, body, good=good, Content_Encoding="gzip", **CHALLENGE)
    assert given is Verdict.NOTHING


def test_a_password_that_was_good_is_never_blocked_by_one_401():
    assert verdict(401, good=True, **CHALLENGE) is Verdict.SUSPECT
    own = b"/finesse/api/User/1001"
    assert verdict(401, errors("Authorization Failure"), path=own, good=True) is Verdict.SUSPECT


# The lockout


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_refused_pair_is_refused_for_its_time_and_no_other_pair_is():
    clock = Clock()
    guard = Lockout(refuse_for=300, clock=clock)
    guard.refused(pair())
    clock.now += 299
    assert guard.refused_for(pair()) == pytest.approx(1)
    assert guard.refused_for(pair(password="right")) == 0
    assert guard.refused_for(pair("1002")) == 0
    clock.now += 1
    assert guard.refused_for(pair()) == 0
    assert "refused" in repr(guard)
    assert SECRET not in repr(guard)


def test_a_good_pair_is_known_until_it_is_refused_or_suspect():
    guard = Lockout(refuse_for=300, clock=Clock())
    guard.shown(pair(), "agent-1001")
    known = guard.known(pair())
    assert known is not None
    assert (known.login_id, known.shown) == ("agent-1001", 100.0)
    guard.good(pair())
    assert guard.known(pair()) is known
    guard.suspect(pair())
    assert guard.known(pair()) is None
    assert guard.is_suspect(pair())
    guard.good(pair())
    assert not guard.is_suspect(pair())
    guard.refused(pair())
    assert guard.known(pair()) is None


def test_a_user_has_one_password_and_another_that_was_shown_makes_the_first_doubtful():
    guard = Lockout(refuse_for=300, clock=Clock())
    old, new, other = pair(password="old"), pair(password="new"), pair("1002", "old")
    by_name, other_case = pair("Jane", "new"), pair("jane", "older")
    guard.shown(old, "1001")
    guard.good(other)
    guard.good(other_case)
    guard.shown(new, None)
    assert guard.known(old) is None
    assert guard.is_suspect(old)
    guard.shown(by_name, "1001")
    assert [guard.known(each) is not None for each in (new, other)] == [True, True]
    assert guard.is_suspect(other_case)
    guard.shown(old, "1001")
    assert [guard.is_suspect(each) for each in (old, new, by_name)] == [False, True, True]


def test_what_is_opaque_is_good_or_refused_as_a_pair_is():
    guard = Lockout(refuse_for=300, clock=Clock())
    login = Opaque(b"1")
    guard.good(login)
    assert guard.known(login) is not None
    guard.refused(login)
    assert guard.refused_for(login) == 300
    assert guard.known(login) is None


def test_tables_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lockouts, "MOST_PAIRS", 3)
    guard = Lockout(refuse_for=300, clock=Clock())
    for number in range(5):
        guard.refused(pair(f"r{number}"))
        guard.good(pair(f"g{number}"))
    assert [guard.refused_for(pair(f"r{n}")) > 0 for n in range(5)] == [False, False] + [True] * 3
    assert [guard.known(pair(f"g{n}")) is not None for n in range(5)] == [False] * 2 + [True] * 3
    assert len(guard._named) == 3


async def test_one_at_a_time_until_the_pair_is_good():
    guard = Lockout(refuse_for=300, clock=Clock())
    first = await guard.turn(pair(), 10)
    second = asyncio.create_task(guard.turn(pair(password="another"), 10))
    other_user = await guard.turn(pair("1002"), 10)
    await asyncio.sleep(0)
    assert not second.done()
    guard.good(pair())
    assert await guard.turn(pair(), 10)  # a good one does not wait
    first.give_back()
    first.give_back()
    (await second).give_back()
    other_user.give_back()


async def test_turns_are_bounded_in_time_and_leave_nothing_behind():
    turns = Turns()
    held = await turns.take("a", 10)
    with pytest.raises(TimeoutError):
        await turns.take("a", 0.001)
    waiting = asyncio.create_task(turns.take("a", 10))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    held.give_back()
    assert len(turns) == 0
    (await turns.take("a", 10)).give_back()
    assert len(turns) == 0
