"""Where an agent's password or token comes from, and what is wrong with where it should be.

Knows files, the environment it is given and systemd's credentials folder; shows no secret, ever.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from listener.settings.model import problem_with_id

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 16 * 1024
"""Bytes of a secret file. A bearer token may be long; a password is not."""

CREDENTIALS = "passwords"
"""LoadCredential=passwords:/folder gives each file in it the name passwords_FILE (systemd.exec)."""

WAYS = (
    "put it into a file and name that with password_file (or one file per agent in "
    "defaults.password_dir), or set {variable}"
)


def variable_of(agent_id: str) -> str:
    """Return the environment variable that may hold that agent's password."""
    return "LISTENER_PASSWORD_" + re.sub(r"[^A-Z0-9]", "_", agent_id.upper())


_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_NO_VARIABLE = "what it names (an environment variable, never the password itself)"


class SecretError(ValueError):
    """A secret that cannot be read; the text names the place and never the content."""


def read_secret(path: Path) -> tuple[SecretStr, str | None]:
    """Return the secret in a file without its trailing newline, and a warning or None."""
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST + 1)
            mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        words = getattr(error, "strerror", None) or error
        raise SecretError(f"{path}: {words}") from None
    warning = f"{path} can be read by everybody; chmod 600 it" if mode & stat.S_IROTH else None
    return checked_secret(raw, str(path)), warning


def checked_secret(raw: bytes, where: str) -> SecretStr:
    """Return the secret in `raw` without one trailing newline; SecretError names `where`."""
    if len(raw) > LONGEST:
        raise SecretError(f"{where}: too long for a secret (over {LONGEST} bytes)")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretError(f"{where}: not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise SecretError(f"{where}: empty")
    if not text.isprintable():
        raise SecretError(f"{where}: has more than one line, or control characters")
    return SecretStr(text)


@dataclass(slots=True)
class Finder:
    """Fills in the secrets of agents as they stand in the file; collects problems and warnings.

    Paths that are not absolute start at `base`, the folder of the settings file.
    """

    environ: Mapping[str, str]
    base: Path
    password_dir: Path | None = None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fill(self, agents: list[dict[str, Any]]) -> None:
        """Add `password` and `token` to each agent; what is missing becomes a problem."""
        ids = [str(agent.get("id", "")) for agent in agents]
        shared = Counter(variable_of(one) for one in {name.casefold() for name in ids})
        for agent, name in zip(agents, ids, strict=True):
            self._fill_one(agent, name, alone=shared[variable_of(name)] == 1)

    def _fill_one(self, agent: dict[str, Any], name: str, *, alone: bool) -> None:
        before = len(self.problems)
        if not agent.get("token") and isinstance(agent.get("token_file"), str):
            agent["token"] = self._file(name, "token_file", agent["token_file"])
        if not agent.get("password"):
            agent["password"] = self._password(agent, name, alone=alone)
        found = agent.get("password") or agent.get("token")
        if not found and name and not problem_with_id(name) and len(self.problems) == before:
            ways = WAYS.format(variable=variable_of(name))
            self.problems.append(f"agents ({name}): no password; {ways}")

    def _password(self, agent: Mapping[str, Any], name: str, *, alone: bool) -> SecretStr | None:
        if isinstance(agent.get("password_file"), str):
            return self._file(name, "password_file", agent["password_file"])
        if isinstance(agent.get("password_env"), str):
            return self._variable(name, agent["password_env"], required=True)
        if variable_of(name) in self.environ:
            if not alone:
                self.problems.append(
                    f"agents ({name}): {variable_of(name)} fits several agents; use password_env"
                )
                return None
            return self._variable(name, variable_of(name), required=False)
        return self._from_folders(name)

    def _from_folders(self, name: str) -> SecretStr | None:
        if not name or problem_with_id(name):
            return None  # told with the id itself; a path made of it could lead anywhere
        given = self.environ.get("CREDENTIALS_DIRECTORY")
        try:
            places = [self._path(self.password_dir) / name] if self.password_dir is not None else []
        except SecretError as problem:
            self.problems.append(f"defaults.password_dir: {problem}")
            return None
        if given:
            places += [self._path(given) / name, self._path(given) / f"{CREDENTIALS}_{name}"]
        found = next((place for place in places if os.path.lexists(place)), None)
        return self._read(name, "password", found) if found is not None else None

    def _variable(self, name: str, variable: str, *, required: bool) -> SecretStr | None:
        text = self.environ.get(variable)
        if text is None:
            if required:
                shown = variable if _VARIABLE.fullmatch(variable) else _NO_VARIABLE
                self.problems.append(f"agents ({name}).password_env: {shown} is not set")
            return None
        return self._checked(name, text.encode("utf-8", "surrogateescape"), variable)

    def _checked(self, name: str, raw: bytes, where: str) -> SecretStr | None:
        try:
            return checked_secret(raw, where)
        except SecretError as problem:
            self.problems.append(f"agents ({name}): {problem}")
            return None

    def _file(self, name: str, key: str, given: str) -> SecretStr | None:
        if not given:
            self.problems.append(f"agents ({name}).{key}: names no file")
            return None
        try:
            path = self._path(given)
        except SecretError as problem:
            self.problems.append(f"agents ({name}).{key}: {problem}")
            return None
        return self._read(name, key, path)

    def _read(self, name: str, key: str, path: Path) -> SecretStr | None:
        """Read a secret from a path that is whole already."""
        try:
            secret, warning = read_secret(path)
        except SecretError as problem:
            self.problems.append(f"agents ({name}).{key}: {problem}")
            return None
        if warning:
            self.warnings.append(warning)
        return secret

    def _path(self, given: str | Path) -> Path:
        try:
            return self.base / Path(given).expanduser()
        except RuntimeError:  # "~somebody" who is not there
            raise SecretError("no home folder for ~; write the whole path") from None
