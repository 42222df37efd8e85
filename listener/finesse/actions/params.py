"""The parameters of a request: where each stands in the body, what it may be, how it is shown.

A request's fields carry a `Param` as metadata; bodies, checks, reprs and both readers follow it.
Knows the layout of Finesse's request bodies (guide p.80-118); knows no XML text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from listener.errors import InvalidRequest
from listener.finesse.actions import checks, shown
from listener.finesse.body import Element

if TYPE_CHECKING:
    from listener.finesse.actions.request import Request

Pairs: TypeAlias = tuple[tuple[str, str], ...]
CallVariables: TypeAlias = Mapping[str, str] | Pairs


class Where(StrEnum):
    """Where a parameter stands; the last three are the names of the parent elements."""

    PATH = "path"  # not in the body
    UNUSED = "unused"  # this request does not have it
    PLAIN = "plain"  # a child of the root
    ACTION = "actionParams"
    MEDIA = "mediaProperties"
    MOBILE = "mobileAgent"


class Shape(StrEnum):
    """What a value is made of."""

    TEXT = "text"
    VARIABLES = "variables"  # pairs of name and value
    ITEMS = "items"  # a tuple of texts


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: `name` is Finesse's, `label` what a repr calls it (None: the field's name)."""

    name: str
    where: Where = Where.PLAIN
    check: Callable[[str, Any, str | None], object] = checks.short_text
    show: Callable[[Any], str] = shown.plainly
    shape: Shape = Shape.TEXT
    label: str | None = None


_KEY = "finesse"


def meta(param: Param) -> dict[str, Param]:
    """Return the metadata of a field with that parameter."""
    return {_KEY: param}


def number(name: str, where: Where = Where.PLAIN) -> dict[str, Param]:
    """Return the metadata of a telephone number: shown by its last two digits."""
    return meta(Param(name, where, show=shown.masked))


VARIABLES = meta(
    Param("callvariables", Where.MEDIA, checks.variables, shown.names, Shape.VARIABLES)
)


def of(request: Request | type[Request]) -> Iterator[tuple[Field[Any], Param]]:
    """Yield each field with its parameter, in the order of the fields."""
    for field in fields(request):
        yield field, field.metadata[_KEY]


def given(request: Request) -> Iterator[tuple[Field[Any], Param, Any]]:
    """Yield each field that was given, with its parameter and value (None and () are not)."""
    for field, param in of(request):
        value = getattr(request, field.name)
        if value is not None and value != field.default:
            yield field, param, value


def pairs(value: CallVariables) -> Pairs:
    """Return call variables as pairs of name and value, in their order."""
    try:
        items = value.items() if isinstance(value, Mapping) else value
        return tuple((name, text) for name, text in items)
    except (TypeError, ValueError):
        raise InvalidRequest(
            "callvariables must be a mapping from name to value", field="callvariables"
        ) from None


def show(request: Request) -> str:
    """Return the repr of a request: what was given, secrets counted, numbers masked."""
    inside = ", ".join(
        f"{param.label or field.name}={param.show(value)}" for field, param, value in given(request)
    )
    return f"{type(request).__name__}({inside})"


def elements(request: Request) -> tuple[Element, ...]:
    """Return the parameters that were given as elements, grouped as Finesse wants them."""
    plain: list[Element] = []
    groups: dict[Where, list[Element]] = {}
    for _, param, value in given(request):
        if param.where is Where.PLAIN:
            plain.append(Element(param.name, value))
        elif param.where not in {Where.PATH, Where.UNUSED}:
            groups.setdefault(param.where, []).append(_inner(param, value))
    return (*plain, *(Element(where.value, tuple(inner)) for where, inner in groups.items()))


def _inner(param: Param, value: Any) -> Element:
    if param.where is Where.ACTION:
        return _named("ActionParam", param.name, value)
    if param.shape is Shape.VARIABLES:
        return Element(param.name, tuple(_named("CallVariable", *pair) for pair in value))
    if param.shape is Shape.ITEMS:
        return Element(param.name, tuple(Element("wrapUpItem", item) for item in value))
    return Element(param.name, value)


def _named(tag: str, name: str, value: str) -> Element:
    return Element(tag, (Element("name", name), Element("value", value)))


def from_body(request: type[Request], body: Element) -> dict[str, Any] | None:
    """Return the arguments that a body holds, or None when one is missing or unreadable."""
    found: dict[str, Any] = {}
    for field, param in of(request):
        if param.where in {Where.PATH, Where.UNUSED}:
            continue
        value = _read(param, body)
        if value is not None:
            found[field.name] = value
        elif field.default is MISSING:
            return None
    return found


def _read(param: Param, body: Element) -> Any:
    if param.where is Where.PLAIN:
        return body.text(param.name) or None  # an empty element is one left out
    if param.where is Where.ACTION:
        actions = _children(body.find(Where.ACTION.value))
        return next((a.text("value") for a in actions if a.text("name") == param.name), None)
    if param.shape is Shape.TEXT:
        return body.text(param.where.value, param.name)
    return _read_list(param.shape, body.find(param.where.value, param.name))


def _read_list(shape: Shape, found: Element | None) -> Any:
    if found is None:
        return None
    if shape is Shape.ITEMS:
        return tuple(child.text() or "" for child in _children(found))
    return tuple((v.text("name") or "", v.text("value") or "") for v in _children(found))


def _children(element: Element | None) -> tuple[Element, ...]:
    return () if element is None or isinstance(element.content, str) else element.content


def from_json(request: type[Request], action: str, data: Mapping[str, object]) -> dict[str, Any]:
    """Return the arguments that a JSON object holds, by Finesse's names.

    Raises InvalidRequest for what is missing, unknown or of the wrong type. null means left out.
    """
    left = _flat(data)
    found: dict[str, Any] = {}
    for field, param in of(request):
        if param.where is Where.UNUSED:
            continue
        value = left.pop((_group(param), param.name), None)
        if value is not None:
            found[field.name] = _typed(param, value)
        elif field.default is MISSING:
            raise InvalidRequest(f"{action} needs {param.name}", field=param.name)
    for _, name in left:
        raise InvalidRequest(f"{action} has no parameter {name!r}", field=name)
    return found


def _group(param: Param) -> str:
    return param.where.value if param.where in {Where.MEDIA, Where.MOBILE} else ""


def _flat(data: Mapping[str, object]) -> dict[tuple[str, str], object]:
    """Key every value by its group and name; the two nested objects are opened."""
    flat: dict[tuple[str, str], object] = {}
    for key, value in data.items():
        if key not in {Where.MEDIA.value, Where.MOBILE.value}:
            flat["", key] = value
        elif isinstance(value, Mapping):
            flat.update({(key, name): inner for name, inner in value.items()})
        elif value is not None:
            raise InvalidRequest(f"{key} must be an object", field=key)
    return flat


_JSON: Mapping[Shape, tuple[type, str]] = {
    Shape.TEXT: (str, "text"),
    Shape.VARIABLES: (Mapping, "an object of names and texts"),
    Shape.ITEMS: (list, "a list of texts"),
}


def _typed(param: Param, value: object) -> object:
    kind, words = _JSON[param.shape]
    if not isinstance(value, kind):
        raise InvalidRequest(f"{param.name} must be {words}", field=param.name)
    return tuple(value) if isinstance(value, list) else value
