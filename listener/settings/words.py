"""What is wrong with settings, in the words of those who wrote them. Repeats no value."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from listener.settings.model import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

PREFIX = "LISTENER_"
NEAR = 0.8  # of difflib's likeness: a slip of the keyboard, and no other word
SECRET_KEYS = frozenset({"password", "token", "secret", "passwd", "pass"})
"""Keys that may not stand in the file, and are never proposed."""

_NODE = "write a host, host:port or https://host:port, without a path"
_AT: dict[tuple[int | str, ...], dict[str, str]] = {
    ("agents",): dict.fromkeys(
        ("missing", "too_short", "tuple_type"),
        "no agents; add [[agents]] with an id for each agent",
    ),
    ("finesse",): dict.fromkeys(
        ("missing", "model_type"),
        "no [finesse] table; it names the nodes: nodes = ['finesse.example.com']",
    ),
    ("finesse", "nodes"): {
        **dict.fromkeys(
            ("missing", "too_short"),
            "no nodes; write nodes = ['finesse.example.com'], the primary first",
        ),
        "tuple_type": "finesse.nodes: must be a list; write nodes = ['finesse.example.com']",
        "too_long": "finesse.nodes: Finesse has two nodes at most, the primary and secondary",
    },
}
"""What is told of a kind of mistake at one place."""
_KINDS = {
    "missing": "is missing",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "path_type": "must be text: a path",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list",
}
"""What is told of a kind of mistake anywhere; of others, what pydantic says."""


def in_words(detail: ErrorDetails, merged: Mapping[str, Any], variables: Mapping[str, Any]) -> str:
    """Return the line for one of pydantic's errors: the key as an operator would name it, and why.

    `merged` is all that was given, `variables` the part of it that the environment gave.
    """
    place, kind = detail["loc"], detail["type"]
    if words := _AT.get(place, {}).get(kind):
        return words
    words = _KINDS.get(kind) or detail["msg"].removeprefix("Value error, ")
    words = words.replace("Input should", "must").replace("String should", "must")
    if not place:
        return words  # of several sections, whose keys are named
    if kind == "model_type" and _names(place) == ("finesse", "nodes"):
        words = _NODE
    key = _key(place, merged)
    if _reaches(variables, place):
        key = f"{key} (from {PREFIX}{'__'.join(str(part).upper() for part in place)})"
    if kind == "extra_forbidden":
        return f"{key}: no such setting{did_you_mean(str(place[-1]), _siblings(place))}"
    return f"{key}: {words}"


def _names(place: Iterable[int | str]) -> tuple[str, ...]:
    return tuple(part for part in place if isinstance(part, str))


def _key(place: tuple[int | str, ...], merged: Mapping[str, Any]) -> str:
    """Name a key as an operator would: agents (1001).extension, finesse.nodes (2nd)."""
    parts = [str(place[0])]
    for number, part in enumerate(place[1:], start=1):
        if isinstance(part, int):
            items = merged.get(parts[0]) if number == 1 else None
            parts[-1] += f" ({_label(items, part)})"
        else:
            parts.append(part)
    return ".".join(parts)


def _label(items: Any, index: int) -> str:
    """Name one of a list: by its id, where it has one, else by its number."""
    if (
        isinstance(items, list | tuple)
        and isinstance(items[index], dict)
        and items[index].get("id")
    ):
        return str(items[index]["id"])
    return f"number {index + 1}"


def _reaches(tree: Any, place: tuple[int | str, ...]) -> bool:
    for part in place:
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True


def _siblings(place: tuple[int | str, ...]) -> Iterable[str]:
    model: type[BaseModel] = Settings
    for name in _names(place)[:-1]:
        inner = model.model_fields[name].annotation if name in model.model_fields else None
        model = next((m for m in (inner, *get_args(inner)) if _is_model(m)), model)
    return model.model_fields


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return words that propose the known name which resembles a wrong one, or nothing.

    Two where neither is near. A key that would hold a secret is never proposed: it may not stand in
    the file.
    """
    open_keys = [key for key in known if key not in SECRET_KEYS]
    near = difflib.get_close_matches(name, open_keys, n=1, cutoff=NEAR)
    close = near or difflib.get_close_matches(name, open_keys, n=2)
    return f"; did you mean {' or '.join(close)}?" if close else ""
