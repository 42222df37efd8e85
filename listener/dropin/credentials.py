"""Whose request it is, as its Authorization header says. Values only; nothing is checked here.

Passwords are shown by nothing but `password`, and compared only as keyed digests.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field

from pydantic import SecretStr

# A new one with each process: the digests say nothing outside of it.
_KEY = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Pair:
    """A user and a password, as one client sent them; equal ones compare as such.

    `authorization` is the header's value as it came, for asking Finesse with just these.
    """

    user: str
    digest: bytes = field(repr=False)
    password: SecretStr = field(repr=False, compare=False)
    authorization: bytes = field(repr=False, compare=False)


def pair_of(authorization: bytes | None) -> Pair | None:
    """Return the user and password of a Basic header, or None where it is none (RFC 7617)."""
    if authorization is None:
        return None
    scheme, _, token = authorization.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        plain = base64.b64decode(token.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    user, colon, password = _text(plain).partition(":")
    if not colon or not user:
        return None
    return Pair(user, _digest(user, password), SecretStr(password), authorization)


def _text(plain: bytes) -> str:
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        return plain.decode("latin-1")


def _digest(user: str, password: str) -> bytes:
    both = user.encode("utf-8", "surrogatepass") + b"\0" + password.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(both, key=_KEY, digest_size=32).digest()
