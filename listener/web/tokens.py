"""The tokens that callers over TCP present: read from a file, kept and compared as digests.

Knows names, scopes and digests; shows no token, in no error and no repr. Knows no HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from listener.errors import ConfigurationError
from listener.settings.layers import read_toml
from listener.web.callers import Caller, Scope, with_included

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORTEST = 16
"""Characters of a token; `new_token` makes 43."""

_KEYS = {"name", "scopes", "token", "token_sha256"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # no ":", which is for "uid:1000"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")  # what "Bearer" may carry (RFC 6750, section 2.1)
_DIGEST = re.compile(r"[0-9a-f]{64}")


def new_token() -> str:
    """Return a new token, 256 bits from the system's random source."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> bytes:
    """Return the SHA-256 digest of a token; its hexadecimal form is the file's `token_sha256`."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class _Entry:
    digest: bytes
    caller: Caller

    def __repr__(self) -> str:
        return f"<token of {self.caller.name}>"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one file. Nothing in it changes: reading the file again makes another one.

    `warnings`: sentences about what works and should not stay so.
    """

    entries: tuple[_Entry, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read `[[tokens]]` from a TOML file.

        Each has a `name`, `scopes` (read, request, admin) and either `token` or `token_sha256`.
        Raises ConfigurationError with one line per problem, naming the file and the entry.
        """
        tables = read_toml(path)
        reading = _Reading()
        reading.read(tables)
        problems = [*reading.problems, *_writable(path)]
        if problems:
            raise ConfigurationError("\n".join(f"{path}: {problem}" for problem in problems))
        return cls(tuple(reading.entries), tuple(_readable(path)))

    def __bool__(self) -> bool:
        return bool(self.entries)

    def find(self, presented: str) -> Caller | None:
        """Return whose token that is, or None; takes the same time wherever it stands."""
        digest = digest_of(presented)
        found = None
        for entry in self.entries:  # to the end: how long it takes tells nothing
            if hmac.compare_digest(entry.digest, digest):
                found = entry.caller
        return found


class _Reading:
    """Collects the entries of a file and what is wrong with them."""

    def __init__(self) -> None:
        self.entries: list[_Entry] = []
        self.problems: list[str] = []

    def read(self, tables: dict[str, Any]) -> None:
        for key in sorted(tables.keys() - {"tokens"}):
            self.problems.append(f"{key}: no such key; write [[tokens]] tables")
        given = tables.get("tokens")
        if not isinstance(given, list) or not given:
            self.problems.append(
                "no tokens; write a [[tokens]] table for each (`listener token new` prints one)"
            )
            return
        for number, table in enumerate(given, 1):
            self._entry(table if isinstance(table, dict) else {}, number)

    def _entry(self, table: dict[str, Any], number: int) -> None:
        name = table.get("name")
        fits = isinstance(name, str) and _NAME.fullmatch(name) is not None
        label = f"tokens ({name if fits else f'number {number}'})"
        wrong = [*_wrong_keys(table), *_wrong_scopes(table), *_wrong_secret(table)]
        if not fits:
            wrong.append("name: must be 1 to 64 letters, digits, dots, dashes or underscores")
        if wrong:
            self.problems.extend(f"{label}: {one}" for one in wrong)
            return
        self._add(_made(table), label)

    def _add(self, entry: _Entry, label: str) -> None:
        for other in self.entries:
            if other.caller.name == entry.caller.name:
                self.problems.append(f"{label}: this name is there twice")
            elif other.digest == entry.digest:
                self.problems.append(f"{label}: has the same token as {other.caller.name}")
        self.entries.append(entry)


def _made(table: dict[str, Any]) -> _Entry:
    hexadecimal = table.get("token_sha256")
    digest = bytes.fromhex(hexadecimal) if hexadecimal else digest_of(table["token"])
    scopes = with_included(*(Scope(one) for one in table["scopes"]))
    return _Entry(digest, Caller(table["name"], scopes))


def _wrong_keys(table: dict[str, Any]) -> Iterator[str]:
    # A key is shown only when it looks like one: a token may have slipped into its place.
    for key in sorted(table.keys() - _KEYS):
        shown = key if re.fullmatch(r"[a-z_]{1,20}", key) else "a key"
        yield f"{shown}: no such key; there are {', '.join(sorted(_KEYS))}"


def _wrong_scopes(table: dict[str, Any]) -> Iterator[str]:
    given = table.get("scopes")
    known = {str(scope) for scope in Scope}
    if not isinstance(given, list) or not given:
        yield 'scopes: must be a list such as ["read", "request"]'
    elif any(not isinstance(one, str) or one not in known for one in given):
        yield f"scopes: there are {', '.join(Scope)}"


def _wrong_secret(table: dict[str, Any]) -> Iterator[str]:
    token, hexadecimal = table.get("token"), table.get("token_sha256")
    if (token is None) == (hexadecimal is None):
        yield "write either token or token_sha256"
    elif token is None:
        if not isinstance(hexadecimal, str) or not _DIGEST.fullmatch(hexadecimal):
            yield "token_sha256: must be 64 hexadecimal digits in lower case"
    elif not isinstance(token, str) or len(token) < SHORTEST:
        yield f"token: must be a text of at least {SHORTEST} characters"
    elif not _TOKEN.fullmatch(token):
        yield "token: may have letters, digits and . _ ~ + / = - only"


def _writable(path: Path) -> Iterator[str]:
    if path.stat().st_mode & stat.S_IWOTH:
        yield "can be changed by everybody, who could add a token; chmod 600 it"


def _readable(path: Path) -> Iterator[str]:
    if path.stat().st_mode & stat.S_IROTH:
        yield f"{path} can be read by everybody; chmod 600 it"
