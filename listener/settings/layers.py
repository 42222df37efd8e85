"""File < environment < arguments -> Settings; everything wrong is said at once, with its place.

Knows TOML, variable names and pydantic's errors; repeats no value that was given, since any of them
may be a secret in the wrong place.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from listener.errors import ConfigurationError
from listener.settings.model import Settings
from listener.settings.places import Places
from listener.settings.secrets import WAYS, Finder, variable_of
from listener.settings.words import PREFIX, SECRET_KEYS, did_you_mean, in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LONGEST = 4 * 1024 * 1024
"""Bytes of a settings file; 5,000 agents need about 0.5 MB."""

DEEPEST = 32
"""Tables and lists in one another; settings need five."""

_TOO_DEEP = f"tables or lists in one another deeper than {DEEPEST}; no setting is"

ONE_DEPLOYMENT = (
    "one daemon serves one deployment; run a second daemon with its own file for the other one"
)


class _Environment(EnvSettingsSource):
    """pydantic's reading of LISTENER_SECTION__KEY, from a mapping that is handed in."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.given = {name.lower(): value for name, value in environ.items()}
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self.given


def load(
    path: Path | None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Return the settings of a TOML file, overridden by the environment, then by `overrides`.

    `environ` is the process's own when None. `overrides` is nested as the file is, and may hold
    passwords (SecretStr). Raises ConfigurationError with one line per problem. `settings.warnings`
    tells what works and should not stay so.
    """
    environ = os.environ if environ is None else environ
    where = str(path) if path else "settings"
    file = read_toml(path) if path else {}
    problems = list(_misplaced(file))
    problems += _unknown_variables(environ)
    variables = _from_environment(environ, problems)
    merged = merge(merge(file, variables), overrides or {})
    problems += _twice(merged)
    # Whole paths, however the file was named: a successor knows a socket by its path.
    places = Places(environ, (path.parent if path else Path()).absolute())
    places.fill(merged)
    problems += places.problems
    finder = _secrets(merged, environ, places.base)
    settings = _validate(merged, variables, problems)
    problems += finder.problems
    if problems or settings is None:
        told = "\n".join(f"{where}: {problem}" for problem in dict.fromkeys(problems))
        raise ConfigurationError(told.replace("\0", "\\0"))
    return settings.with_warnings(*finder.warnings, *places.warnings, *_doubtful(settings))


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file; ConfigurationError names the file and the line."""
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST + 1)
    except IsADirectoryError:
        raise ConfigurationError(f"{path}: is a folder; name the file in it") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror or error}") from None
    if len(raw) > LONGEST:
        raise ConfigurationError(f"{path}: too long for a settings file (over {LONGEST} bytes)")
    try:
        tables = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{path}: line {line}: not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{path}: {_TOO_DEEP}") from None
    except ValueError:  # such as a number of more than 4,300 digits, which Python does not read
        raise ConfigurationError(f"{path}: not TOML: a value in it cannot be read") from None
    if not _is_flat(tables):
        raise ConfigurationError(f"{path}: {_TOO_DEEP}")
    return tables


def _is_flat(tables: dict[str, Any]) -> bool:
    """Say whether nothing is nested deeper than functions that call themselves can follow."""
    level: list[Any] = [tables]
    for _ in range(DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return not level


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one nested mapping over another; lists are replaced as a whole. Neither is changed."""
    merged = {key: _copied(value) for key, value in below.items()}
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            merged[key] = merge(under, value)
        else:
            merged[key] = _copied(value)
    return merged


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _misplaced(file: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(file.get("finesse"), list):
        yield f"[[finesse]]: {ONE_DEPLOYMENT}"
    for key in ("deployments", "deployment"):
        if key in file:
            yield f"[{key}]: {ONE_DEPLOYMENT}"
    agents = file.get("agents")
    for agent in agents if isinstance(agents, list) else ():
        for key in agent.keys() & SECRET_KEYS if isinstance(agent, dict) else ():
            name = str(agent.get("id", "?"))
            ways = WAYS.format(variable=variable_of(name))
            yield f"agents ({name}).{key}: no secret may stand in this file; {ways}"


def _twice(merged: Mapping[str, Any]) -> Iterator[str]:
    """Say which agents are there twice: the model does so only when each of them is in order."""
    agents = merged.get("agents")
    seen: set[str] = set()
    for agent in agents if isinstance(agents, list | tuple) else ():
        name = str(agent["id"]) if isinstance(agent, dict) and "id" in agent else None
        if name is not None and name.casefold() in seen:
            yield f"agents: agent {name} is there twice; each agent has one entry"
        seen.add((name or "").casefold())


def _from_environment(environ: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    left = dict(environ)
    for _ in Settings.model_fields:  # a section that cannot be read is left out, and told
        try:
            return _Environment(left)()
        except SettingsError as error:
            # Its cause repeats the value, so only the text (which names the field) goes on.
            field = str(error).split('"')[1] if '"' in str(error) else ""
            name = f"{PREFIX}{field.upper()}"
            problems.append(f'{name}...: a list is written as JSON, such as ["a.example.com"]')
            left = {key: value for key, value in left.items() if not key.upper().startswith(name)}
    return {}


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    sections = set(Settings.model_fields)
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name.startswith(f"{PREFIX}PASSWORD_"):
            continue
        section = name.removeprefix(PREFIX).partition("__")[0].lower()
        if section not in sections:
            yield f"environment variable {name}: no such setting{did_you_mean(section, sections)}"


def _secrets(merged: dict[str, Any], environ: Mapping[str, str], base: Path) -> Finder:
    agents = merged.get("agents")
    found = [a for a in agents if isinstance(a, dict)] if isinstance(agents, list | tuple) else []
    defaults = merged.get("defaults")
    defaults = defaults if isinstance(defaults, dict) else {}
    given = defaults.get("password_dir")
    folder = Path(given) if isinstance(given, str | Path) else None
    finder = Finder(environ, base, folder)
    finder.fill(found)
    finesse = merged.get("finesse")
    if isinstance(finesse, dict) and isinstance(finesse.get("ca_file"), str):
        _find_ca_file(finesse, base, finder.problems)
    return finder


def _find_ca_file(finesse: dict[str, Any], base: Path, problems: list[str]) -> None:
    try:
        path = finesse["ca_file"] = base / Path(finesse["ca_file"]).expanduser()
    except RuntimeError:  # "~somebody" who is not there
        problems.append("finesse.ca_file: no home folder for ~; write the whole path")
        return
    if not os.path.isfile(path):  # noqa: PTH113  False, and no error, where one may not look
        problems.append(f"finesse.ca_file: {path}: no such file")


def _validate(
    merged: Mapping[str, Any], variables: Mapping[str, Any], problems: list[str]
) -> Settings | None:
    told = {problem.split(":")[0].strip("[]") for problem in problems}
    try:
        return _with_defaults(Settings(**merged))
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            place = detail["loc"]
            if len(place) == 1 and place[0] in told:
                continue  # said already, in better words
            if detail["type"] == "too_short" and _at(merged, place):
                continue  # what is there is wrong, and that is said: none of it is missing
            problems.append(in_words(detail, merged, variables))
        return None


def _with_defaults(settings: Settings) -> Settings:
    """Let [defaults] hold for each agent that does not say otherwise."""
    given = {key: getattr(settings.defaults, key) for key in ("connect", "subscriptions")}
    agents = tuple(
        agent.model_copy(update={k: v for k, v in given.items() if k not in agent.model_fields_set})
        for agent in settings.agents
    )
    return settings.model_copy(update={"agents": agents})


def _at(tree: Any, place: tuple[int | str, ...]) -> Any:
    """Return what stands at a place of the file, None where nothing does."""
    for part in place:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _doubtful(settings: Settings) -> Iterator[str]:
    if settings.finesse.security == "plain":
        yield 'finesse.security = "plain": passwords travel unencrypted; for laboratories only'
    if settings.logs.show_numbers:
        yield "logs.show_numbers: telephone numbers and call variables will be in the logs"
