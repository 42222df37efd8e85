"""Values <-> JSON, along the fields and type hints of the frozen classes that the cores use.

What equals its field's default is left out, so that a row is small and a later version may add
fields; what a later version added is ignored. pydantic's TypeAdapter could do this but for
`User.tree`, whose type refers to itself by name. Knows no SQL and no row.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar, Union, cast

from listener.finesse.model import EMPTY_TREE, Tree

_Value = TypeVar("_Value")
_Decoder: TypeAlias = Callable[[Any], Any]


class Undecodable(ValueError):
    """JSON that is no value of the class that is wanted; says which field, and not what it held."""


_PLAIN_TYPES = frozenset({str, int, float, bool})


def encode(value: Any) -> Any:
    """Return a value of a frozen class, with all in it, as what `json` writes.

    Raises TypeError for what has no place in JSON.
    """
    cls = type(value)
    if value is None or cls in _PLAIN_TYPES:
        return value
    plan = _plan(cast("Any", cls))
    if plan is not None:
        return _object(value, plan)
    if isinstance(value, str):  # an enum's member
        return str(value)
    if isinstance(value, tuple | list):
        return [encode(inner) for inner in value]
    if isinstance(value, Mapping):
        return {str(name): encode(inner) for name, inner in value.items()}
    raise TypeError(f"a {cls.__name__} cannot be written as JSON")


_Plan: TypeAlias = tuple[Callable[[Any], tuple[Any, ...]], tuple[tuple[str, object], ...]]


def _object(value: Any, plan: _Plan) -> dict[str, Any]:
    values_of, slots = plan
    found = {}
    for (name, default), inner in zip(slots, values_of(value), strict=True):
        if inner is default:
            continue
        if type(inner) is str:
            found[name] = inner
        elif inner != default:
            found[name] = encode(inner)
    return found


@cache
def _plan(cls: type[Any]) -> _Plan | None:
    """Return how the fields of a class are read, each with its name and default."""
    if not is_dataclass(cls):
        return None
    slots = tuple((each.name, _default(each)) for each in fields(cls))
    names = [name for name, _ in slots]
    if len(names) == 1:
        return (lambda value: (getattr(value, names[0]),)), slots
    return attrgetter(*names), slots


def _default(field: Field[Any]) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default  # MISSING equals no value


def decode(cls: type[_Value], data: Any) -> _Value:
    """Return the value of that class that `encode` made `data` of. Raises Undecodable."""
    return cast("_Value", _decoder(cast("Any", cls))(data))


@cache
def _decoder(hint: Any) -> _Decoder:
    """Return what reads values of that type."""
    if hint is Any:
        return _as_it_is
    if isinstance(hint, type) and (made := _of_class(hint)) is not None:
        return made
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in {Union, types.UnionType}:
        return _one_of(tuple(_decoder(each) for each in inside))
    if origin is tuple:
        return _tuple(inside)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _texts if inside[1] is str else _tree  # the one other mapping that there is
    raise TypeError(f"values of type {hint} cannot be read from JSON")


def _of_class(cls: type) -> _Decoder | None:
    if cls in _PLAIN:
        return _PLAIN[cls]
    if issubclass(cls, Enum):
        return _enum(cls)
    if is_dataclass(cls):
        return _dataclass(cls)
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return _named_tuple(cls)
    return None


def _as_it_is(data: Any) -> Any:
    return data


def _text(data: Any) -> str:
    if not isinstance(data, str):
        raise Undecodable("no text")
    return data


def _whole(data: Any) -> int:
    if not isinstance(data, int) or isinstance(data, bool):
        raise Undecodable("no whole number")
    return data


def _number(data: Any) -> float:
    if not isinstance(data, int | float) or isinstance(data, bool):
        raise Undecodable("no number")
    return float(data)


def _truth(data: Any) -> bool:
    if not isinstance(data, bool):
        raise Undecodable("neither true nor false")
    return data


def _nothing(data: Any) -> None:
    if data is not None:
        raise Undecodable("not null")


_PLAIN: dict[type, _Decoder] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _truth,
    type(None): _nothing,
}


def _tree(data: Any) -> Tree:
    if not isinstance(data, dict):
        raise Undecodable("no tree")
    return {name: _branch(inner) for name, inner in data.items()} if data else EMPTY_TREE


def _branch(data: Any) -> Any:
    if isinstance(data, list):
        return tuple(_branch(each) for each in data)
    return data if isinstance(data, str) else _tree(data)


def _enum(cls: type[Enum]) -> _Decoder:
    def read(data: Any) -> Enum:
        try:
            return cls(data)
        except ValueError:
            raise Undecodable(f"no {cls.__name__}") from None

    return read


def _one_of(each: tuple[_Decoder, ...]) -> _Decoder:
    def read(data: Any) -> Any:
        for decoder in each:
            try:
                return decoder(data)
            except Undecodable as problem:
                last = problem
        raise last

    return read


def _tuple(inside: tuple[Any, ...]) -> _Decoder:
    if len(inside) == 2 and inside[1] is Ellipsis:  # noqa: PLR2004  tuple[X, ...]
        item = _decoder(inside[0])
        return lambda data: tuple(map(item, _items(data)))
    return _fixed(tuple(_decoder(each) for each in inside), tuple)


def _named_tuple(cls: Any) -> _Decoder:
    hints = typing.get_type_hints(cls)
    return _fixed(tuple(_decoder(hints[name]) for name in cls._fields), cls._make)


def _fixed(each: tuple[_Decoder, ...], make: Callable[[list[Any]], Any]) -> _Decoder:
    def read(data: Any) -> Any:
        given = _items(data)
        if len(given) != len(each):
            raise Undecodable(f"not {len(each)} items")
        return make([decoder(inner) for decoder, inner in zip(each, given, strict=True)])

    return read


def _items(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise Undecodable("no list")
    return data


def _texts(data: Any) -> dict[str, str]:
    if not isinstance(data, dict):
        raise Undecodable("no object")
    return {name: _text(value) for name, value in data.items()}


def _dataclass(cls: type) -> _Decoder:
    hints = typing.get_type_hints(cls)
    decoders = {each.name: _decoder(hints[each.name]) for each in fields(cls) if each.init}

    def read(data: Any) -> Any:
        if not isinstance(data, dict):
            raise Undecodable(f"{cls.__name__}: no object")
        found = {}
        for name, inner in data.items():
            if (decoder := decoders.get(name)) is None:
                continue  # of a later version
            try:
                found[name] = decoder(inner)
            except Undecodable as problem:
                raise Undecodable(f"{cls.__name__}.{name}: {problem}") from None
        try:
            return cls(**found)
        except TypeError:
            raise Undecodable(f"{cls.__name__}: a field is missing") from None

    return read
