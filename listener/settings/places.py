"""Where sockets, journal, tokens and certificates are, given or left out.

Knows systemd's and the desktop's variables for folders; opens no file and makes none. What is in
them, and who may read them, is looked at by those who read them (`web`, `journal`).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from listener.settings.model import Settings

FOLDER = "finesse-listener"
SYSTEM_SOCKET = Path("/run") / FOLDER / "api.sock"
"""Where config/listener.service puts the API's socket."""
SYSTEM_JOURNAL = Path("/var/lib") / FOLDER / "journal.sqlite"
"""Where config/listener.service puts the journal."""

_FILES = (
    ("api", "tokens_file"),
    ("api", "tls_certificate"),
    ("api", "tls_key"),
    ("dropin", "tls_certificate"),
    ("dropin", "tls_key"),
)
_PATHS = (
    *_FILES,
    ("api", "socket"),
    ("dropin", "socket"),
    ("journal", "path"),
    ("recording", "path"),
)

NO_API = (
    "api.socket: left out, and neither RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set: there is no"
    ' API (socket = "" says so on purpose)'
)
NO_JOURNAL = (
    "journal.path: left out, and STATE_DIRECTORY is not set: a restart forgets open requests"
    ' (path = "" says so on purpose)'
)
NOBODY = (
    "agents: none; sessions are held only for those who come through the API or the drop-in later"
)


@dataclass(slots=True)
class Places:
    """Fills in and checks paths in settings as they stand in the file; collects what is wrong.

    Paths that are not absolute start at `base`, the folder of the settings file.
    """

    environ: Mapping[str, str]
    base: Path
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fill(self, merged: dict[str, Any]) -> None:
        """Put defaults where keys were left out, make every path whole, and look at the files."""
        api, journal = _table(merged, "api"), _table(merged, "journal")
        if "socket" not in api:
            socket = own_socket(self.environ)
            self._default(api, "socket", socket, None if _given(api) else NO_API)
        if "path" not in journal:
            state = _under(_folder(self.environ, "STATE_DIRECTORY"), "journal.sqlite")
            self._default(journal, "path", state, NO_JOURNAL)
        if "tokens_file" not in api:
            tokens = _under(_folder(self.environ, "CREDENTIALS_DIRECTORY"), "tokens.toml")
            self._default(api, "tokens_file", tokens if _is_file(tokens) else None, None)
        for section, key in _PATHS:
            self._whole(_table(merged, section), section, key)
        for section, key in _FILES:
            self._look(_table(merged, section).get(key), f"{section}.{key}")
        self._look_at_journal(journal.get("path"))
        self._look_for_agents(merged)

    def _default(
        self, table: dict[str, Any], key: str, value: Path | None, otherwise: str | None
    ) -> None:
        if value is not None:
            table[key] = value
        elif otherwise is not None:
            self.warnings.append(otherwise)

    def _whole(self, table: dict[str, Any], section: str, key: str) -> None:
        given = table.get(key)
        if not isinstance(given, str | Path) or given == "":
            return
        try:
            table[key] = self.base / Path(given).expanduser()
        except RuntimeError:  # "~somebody" who is not there
            self.problems.append(f"{section}.{key}: no home folder for ~; write the whole path")

    def _look(self, path: object, name: str) -> None:
        if not isinstance(path, Path):
            return
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or str(error)
            self.problems.append(f"{name}: {path}: {words}")
            return
        if stat.S_ISDIR(mode):
            self.problems.append(f"{name}: {path} is a folder; name the file in it")

    def _look_at_journal(self, path: object) -> None:
        if not isinstance(path, Path):
            return
        if os.path.isdir(path):  # noqa: PTH112  False, and no error, where one may not look
            example = path / "journal.sqlite"
            self.problems.append(f"journal.path: {path} is a folder; name a file, as {example}")

    def _look_for_agents(self, merged: dict[str, Any]) -> None:
        agents = merged.get("agents")
        if agents:
            return
        if _given(_table(merged, "api")) or _given(_table(merged, "dropin")):
            self.warnings.append(NOBODY)
        else:
            words = "no agents; add" if agents is None else "is empty; add"
            self.problems.append(f"agents: {words} [[agents]] with an id for each agent")


def own_socket(environ: Mapping[str, str]) -> Path | None:
    """Return where a daemon with this environment puts the API's socket by default."""
    own = _under(_folder(environ, "RUNTIME_DIRECTORY"), "api.sock")
    return own or session_socket(environ)


def session_socket(environ: Mapping[str, str]) -> Path | None:
    """Return where the API's socket of a daemon is that a user runs; None without a session."""
    return _under(_folder(environ, "XDG_RUNTIME_DIR"), FOLDER, "api.sock")


def client_socket(
    settings: Settings | None = None, environ: Mapping[str, str] | None = None
) -> Path | None:
    """Return the socket where a daemon may be running, if it is there; None where none is.

    Settings that name a socket of their own say where, and nothing else is looked at; else the
    user's own daemon is looked for, then that of the system.
    """
    environ = os.environ if environ is None else environ
    own = session_socket(environ)
    named = settings.api.socket if settings is not None else None
    candidates = (named,) if named not in {None, own} else (own, SYSTEM_SOCKET)
    return next((path for path in candidates if path is not None and _is_socket(path)), None)


def client_journal(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return where the journal of a daemon is at the usual places; None where none is."""
    environ = os.environ if environ is None else environ
    own = _under(_folder(environ, "STATE_DIRECTORY"), SYSTEM_JOURNAL.name)
    return next((path for path in (own, SYSTEM_JOURNAL) if _is_file(path)), None)


def _table(merged: dict[str, Any], section: str) -> dict[str, Any]:
    """Return a section as it stands in the file, made if it is left out; of a wrong one, a copy."""
    table = merged.setdefault(section, {})
    return table if isinstance(table, dict) else {}


def _given(table: Mapping[str, Any]) -> bool:
    return any(table.get(key) is not None and table[key] != "" for key in ("socket", "listen"))


def _folder(environ: Mapping[str, str], variable: str) -> Path | None:
    given = environ.get(variable, "").partition(":")[0]  # systemd lists several with colons
    return Path(given) if given.startswith("/") else None


def _under(folder: Path | None, *parts: str) -> Path | None:
    return folder.joinpath(*parts) if folder is not None else None


def _is_file(path: Path | None) -> bool:
    return path is not None and os.path.isfile(path)  # noqa: PTH113  False where one may not look


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
