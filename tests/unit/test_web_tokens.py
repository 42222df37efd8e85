"""The file of tokens: what it may say, what is refused, and that nothing secret is shown."""

from __future__ import annotations

import hashlib
import hmac
import logging
from unittest import mock

import pytest

from listener.errors import ConfigurationError
from listener.web.callers import Caller, Scope, with_included
from listener.web.tokens import SHORTEST, Tokens, digest_of, new_token

SECRET = "correct-horse-battery"
OTHER = "staple-staple-staple"


@pytest.fixture
def load(tmp_path):
    path = tmp_path / "tokens.toml"

    def load(text: str, mode: int = 0o600) -> Tokens:
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return Tokens.load(path)

    return load


def entry(name: str = "crm", scopes: str = '["read"]', secret: str | None = None) -> str:
    secret = f'token = "{SECRET}"' if secret is None else secret
    return f'[[tokens]]\nname = "{name}"\nscopes = {scopes}\n{secret}\n'


def test_a_token_is_found_by_what_is_presented(load):
    digest = hashlib.sha256(OTHER.encode()).hexdigest()
    tokens = load(entry() + entry("hashed", '["request"]', f'token_sha256 = "{digest}"'))

    assert tokens.find(SECRET) == Caller("crm", frozenset({Scope.READ}))
    assert tokens.find(OTHER) == Caller("hashed", frozenset({Scope.READ, Scope.REQUEST}))
    for wrong in ("", SECRET[:-1], SECRET + "x", SECRET.upper(), digest, "é" * 20, "\udc80"):
        assert tokens.find(wrong) is None


def test_every_entry_is_compared_wherever_the_right_one_stands(load):
    tokens = load("".join(entry(f"t{n}", secret=f'token = "{SECRET}{n}"') for n in range(5)))
    for presented in (f"{SECRET}0", f"{SECRET}4", "no such token"):
        with mock.patch.object(hmac, "compare_digest", wraps=hmac.compare_digest) as compare:
            tokens.find(presented)

        assert compare.call_count == 5


def test_no_tokens_let_nobody_in():
    assert not Tokens()
    assert Tokens().find("") is None


@pytest.mark.parametrize(
    ("scopes", "has"),
    [
        ('["read"]', {Scope.READ}),
        ('["request"]', {Scope.READ, Scope.REQUEST}),
        ('["admin"]', set(Scope)),
        ('["read", "admin"]', set(Scope)),
    ],
)
def test_a_scope_includes_the_lesser_ones(load, scopes, has):
    caller = load(entry(scopes=scopes)).find(SECRET)

    assert caller is not None
    assert {scope for scope in Scope if caller.may(scope)} == has


def test_no_scopes_include_none():
    assert with_included() == frozenset()


WRONG = {
    "nothing": ("", "no tokens"),
    "no list": ("tokens = 5", "no tokens"),
    "an empty list": ("tokens = []", "no tokens"),
    "no tables": ("tokens = [5]", "tokens (number 1): name"),
    "another key": (entry() + "[more]\n", "more: no such key"),
    "another key of a token": (entry() + "colour = 1\n", "tokens (crm): colour: no such key"),
    "no name": ('[[tokens]]\nscopes=["read"]\ntoken="x"', "tokens (number 1): name"),
    "a name like a uid": (entry("uid:0"), "tokens (number 1): name"),
    "a name with a line": (entry("a\\nb"), "name"),
    "the same name": (entry() + entry(secret=f'token = "{OTHER}"'), "is there twice"),
    "the same token": (entry() + entry("other"), "tokens (other): has the same token as crm"),
    "no scopes": ('[[tokens]]\nname="crm"\ntoken="' + SECRET + '"', "scopes"),
    "empty scopes": (entry(scopes="[]"), "scopes"),
    "an unknown scope": (entry(scopes='["root"]'), "scopes: there are read, request, admin"),
    "a scope that is a number": (entry(scopes="[1]"), "scopes"),
    "a scope that is a table": (entry(scopes="[{}]"), "scopes"),
    "no token": (entry(secret=""), "either token or token_sha256"),
    "two tokens": (
        entry(secret=f'token = "{SECRET}"\ntoken_sha256 = "{"0" * 64}"'),
        "either token or token_sha256",
    ),
    "a short token": (entry(secret=f'token = "{SECRET[: SHORTEST - 1]}"'), "at least 16"),
    "a number": (entry(secret="token = 12345678901234567890"), "text"),
    "a token that no header carries": (entry(secret=f'token = "{SECRET} x"'), "letters, digits"),
    "a digest that is none": (entry(secret=f'token_sha256 = "{SECRET}"'), "64 hexadecimal"),
    "a digest in upper case": (entry(secret=f'token_sha256 = "{"A" * 64}"'), "64 hexadecimal"),
    "a digest that is a number": (entry(secret="token_sha256 = 5"), "64 hexadecimal"),
    "no toml": (f"{SECRET}\n", "not TOML"),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_its_file_and_without_its_secret(load, tmp_path, text, said):
    with pytest.raises(ConfigurationError) as caught:
        load(text)

    assert said in str(caught.value)
    assert all(
        line.startswith(f"{tmp_path}/tokens.toml: ") for line in str(caught.value).split("\n")
    )
    assert SECRET[:12] not in str(caught.value)
    assert OTHER not in str(caught.value)


def test_a_token_in_the_place_of_a_key_is_not_shown(load):
    with pytest.raises(ConfigurationError) as caught:
        load(entry() + f'"{OTHER}-{SECRET}" = 1\n')

    assert OTHER not in str(caught.value)


def test_all_problems_are_told_at_once(load):
    with pytest.raises(ConfigurationError) as caught:
        load(entry(scopes="[]") + entry("other", secret=""))

    assert "tokens (crm): scopes" in str(caught.value)
    assert "tokens (other): write either" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.toml: No such file"):
        Tokens.load(tmp_path / "none.toml")


def test_a_file_that_everybody_may_read_is_warned_of(load):
    assert load(entry(), 0o640).warnings == ()
    (warning,) = load(entry(), 0o644).warnings

    assert "tokens.toml can be read by everybody" in warning


def test_a_file_that_everybody_may_change_is_refused(load):
    with pytest.raises(ConfigurationError, match="can be changed by everybody"):
        load(entry(), 0o602)


def test_nothing_secret_is_in_a_repr_or_a_log(load, caplog):
    with caplog.at_level(logging.DEBUG):
        tokens = load(entry())

    digest = digest_of(SECRET)
    for text in (repr(tokens), str(tokens), repr(tokens.find(SECRET)), caplog.text):
        assert SECRET not in text
        assert digest.hex() not in text
        assert repr(digest) not in text
    assert "crm" in repr(tokens)


def test_new_tokens_differ_and_are_accepted(load):
    made = {new_token() for _ in range(100)}

    assert len(made) == 100
    for token in made:
        assert load(entry(secret=f'token = "{token}"')).find(token) is not None
