"""From a call to what is asked: the body read, checked and built; the headers understood.

`listener.finesse.actions.from_mapping` builds requests, here as everywhere. Raises Refusal, or
InvalidRequest where Finesse's rules are broken; nothing was sent then, and no value is repeated.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from starlette.requests import Request as Call

from listener.api import documents
from listener.api.bodies import OURS, Body, RequestBody
from listener.api.refusals import Kind, Refusal
from listener.correlation.outcome import MinimumEvidence
from listener.finesse.actions.request import Request
from listener.finesse.actions.table import from_mapping
from listener.offers import Idempotency
from listener.terms import Wishes
from listener.web import preferences
from listener.web.callers import Caller

JSON = "application/json"

_Body = TypeVar("_Body", bound=Body)

_ITSELF = "the body itself"
_WORDS = {
    "missing": "is needed",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
}


async def document(call: Call) -> dict[str, Any]:
    """Return the JSON object that came as the body."""
    _is_json(call)
    try:
        return documents.read_object(await call.body())
    except documents.NotADocument as error:
        raise Refusal(Kind.MALFORMED_BODY, str(error)) from None


def _is_json(call: Call) -> None:
    # Nothing but this type is taken: a web page can send others, or none, without being asked.
    kind, _, parameters = call.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if kind.strip().lower() != JSON or charset not in {"", "charset=utf-8"}:
        raise Refusal(
            Kind.UNSUPPORTED_MEDIA_TYPE,
            f"send JSON in UTF-8, with the header Content-Type: {JSON}",
            headers={"Accept": JSON},
        )
    if call.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal(
            Kind.UNSUPPORTED_MEDIA_TYPE,
            "send the body as it is, without Content-Encoding",
            headers={"Accept-Encoding": "identity"},
        )


def checked(model: type[_Body], given: Mapping[str, Any]) -> _Body:
    """Return the body as the model has it; unknown names are refused with the nearest known."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _refusal(error, model) from None


@cache
def _names(model: type[Body]) -> dict[str, list[str]]:
    """Return the names that are known, by the object that they belong in; the body itself is ""."""
    known = {"": [_name_of(field, name) for name, field in model.model_fields.items()]}
    for name, field in model.model_fields.items():
        for part in get_args(field.annotation):
            if isinstance(part, type) and issubclass(part, Body):
                known[_name_of(field, name)] = _names(part)[""]
    return known


def _name_of(field: FieldInfo, name: str) -> str:
    return field.alias or name


def _refusal(error: ValidationError, model: type[Body]) -> Refusal:
    """Tell the first thing that is wrong, without the value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    path = [str(part) for part in first["loc"] if isinstance(part, str) and part != "[key]"]
    shown = [name for part in path if (name := documents.shown_name(part))]
    field = shown[-1] if shown else None
    if first["type"] == "extra_forbidden":
        named = field if field == path[-1] else "a name in the body"
        words = _way_out(path[-1][: documents.LONGEST_NAME], ".".join(path[:-1]), _names(model))
        return Refusal(Kind.INVALID_REQUEST, f"{named} is not known{words}", field=field)
    says = _WORDS.get(first["type"], first["msg"][:1].lower() + first["msg"][1:])
    where = ".".join(shown) or "the body"
    return Refusal(Kind.INVALID_REQUEST, f"{where}: {says}", field=field)


def _way_out(name: str, here: str, known: Mapping[str, list[str]]) -> str:
    """Return what comes behind "NAME is not known": where it belongs, else what may be meant."""
    places = {each: place for place, names in known.items() for each in names}
    if name in places:
        return f" here; it belongs in {places[name] or _ITSELF}"
    near = difflib.get_close_matches(name, places, n=1, cutoff=0.5)
    if not near:
        return f"; known are {', '.join(known[here])}"
    place = places[near[0]]
    where = "" if place == here else f" in {place or _ITSELF}"
    return f"; did you mean {near[0]}{where}?"


def request_of(given: Mapping[str, Any], caller: Caller) -> tuple[Request, Wishes]:
    """Return the request that a body asks for, and how it is to be treated."""
    body = checked(RequestBody, given)
    asked = {name: value for name, value in _left_in(given).items() if name not in OURS}
    wishes = Wishes(
        deadline=body.deadline,
        request_id=body.request_id,
        minimum_evidence=body.minimum_evidence and MinimumEvidence(body.minimum_evidence),
        asked_by=caller.name,
    )
    return from_mapping(asked), wishes


def _left_in(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is not null, in the object and in those that are in it."""
    return {
        name: _left_in(value) if isinstance(value, dict) else value
        for name, value in given.items()
        if value is not None
    }


def wait_of(call: Call) -> int | None:
    """Return the seconds of `Prefer: wait`, at most 60; None without."""
    return preferences.wait_of(call.headers.getlist("prefer"))


def idempotency_of(
    call: Call, operation: str, given: Mapping[str, Any], caller: Caller
) -> Idempotency | None:
    """Return the caller's Idempotency-Key with the fingerprint of the body; None without one.

    A key belongs to its caller: another's equal key is another key. The same body for another
    operation is another body.
    """
    try:
        key = preferences.key_of(call.headers.getlist("idempotency-key"))
    except preferences.BadKey as error:
        raise Refusal(Kind.INVALID_IDEMPOTENCY_KEY, str(error)) from None
    if key is None:
        return None
    # No caller's name and no key holds a space.
    return Idempotency(f"{caller.name} {key}", documents.fingerprint(operation, given))
