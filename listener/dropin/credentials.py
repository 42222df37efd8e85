"""Whose request it is, as its Authorization header says. Values only; nothing is checked here.

A header is read as leniently as any server may read it, so that a password that was refused is
known again in another spelling. Passwords are shown by nothing but `password`, and compared only as
keyed digests.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TypeAlias

from pydantic import SecretStr

# A new one with each process: the digests say nothing outside of it.
_KEY = secrets.token_bytes(32)

_BASIC = re.compile(rb"basic\s+(\S.*)", re.IGNORECASE | re.DOTALL)
_BEARER = re.compile(rb"bearer\s", re.IGNORECASE)
_TOKEN = re.compile(rb"([^=]*)[=\s]*")  # what follows the padding no two servers read alike
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_FOREIGN = re.compile(rb"[^A-Za-z0-9+/]")


@dataclass(frozen=True, slots=True)
class Pair:
    """A user and a password, as one client sent them; equal ones compare as such.

    `authorization` is the header's value as it came, for asking Finesse with just these. `exact`:
    whoever sends user and password as RFC 7617 says sends the same; else Finesse may read another
    password in it than we do. `secret` is the password's digest.
    """

    user: str
    digest: bytes = field(repr=False)
    password: SecretStr = field(repr=False, compare=False)
    authorization: bytes = field(repr=False, compare=False)
    secret: bytes = field(repr=False, compare=False)
    exact: bool = field(default=True, compare=False)

    @property
    def queue(self) -> str:
        """Whose turn it needs."""
        return self.user.casefold()


@dataclass(frozen=True, slots=True)
class Opaque:
    """An Authorization in which no user and password can be found: known by its bytes alone."""

    digest: bytes = field(repr=False)

    @property
    def queue(self) -> str:
        """Whose turn it needs; no user has such a name."""
        return "\0" + self.digest.hex()


Login: TypeAlias = Pair | Opaque


def login_of(authorization: bytes | None) -> Login | None:
    """Return what a client signs in with, None for nothing and for Bearer.

    A Bearer token holds no password, so that refusing it locks no account.
    """
    if authorization is None or not authorization.strip():
        return None
    if _BEARER.match(authorization.lstrip()):
        return None
    return pair_of(authorization) or Opaque(_digest(authorization))


def pair_of(authorization: bytes | None) -> Pair | None:
    """Return the user and password of a Basic header, or None where it is none (RFC 7617)."""
    found = _BASIC.fullmatch((authorization or b"").strip())
    token = _TOKEN.fullmatch(found[1]) if found is not None else None
    if authorization is None or token is None:
        return None
    letters = _FOREIGN.sub(b"", token[1].translate(_URL_SAFE))
    try:
        plain = base64.b64decode(letters + b"=" * (-len(letters) % 4))
    except binascii.Error:
        return None
    user, colon, password = _text(plain).partition(":")
    if not colon or not user:
        return None
    return Pair(
        user,
        _digest(_bytes(user), _bytes(password)),
        SecretStr(password),
        authorization,
        _digest(_bytes(password)),
        exact=letters == token[1].rstrip() and plain == _bytes(f"{user}:{password}"),
    )


def _text(plain: bytes) -> str:
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        return plain.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _digest(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"\0".join(parts), key=_KEY, digest_size=32).digest()
