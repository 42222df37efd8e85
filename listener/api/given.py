"""What an operation is given beside its body: the backend, ids in the path, parameters.

An id of ours is a UUID; anything else is not there. Knows what an id may look like; knows no
operation.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, cast

from starlette.requests import Request as Call

from listener.api.refusals import Kind, Refusal
from listener.settings.model import problem_with_id

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant
    from fastapi.routing import APIRoute

    from listener.api.contract import Backend

REPEATABLE = frozenset({"kind"})
LONGEST_AGENT_ID = 64
FLAG = ("true", "false")

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def backend_of(call: Call) -> Backend:
    """Return the backend that the application was made with."""
    return cast("Backend", call.app.state.backend)


def request_id(given: str, kind: Kind = Kind.REQUEST_NOT_FOUND) -> str:
    """Return a request's id as we write it; what is no UUID is the id of nothing."""
    if not _UUID.fullmatch(given):
        raise Refusal(kind, "ids are UUIDs, such as 0193a5c2-7c1e-7b1e-9f52-3d9f4a6b1c2d")
    return given.lower()


def missing(id_: str, kind: Kind = Kind.REQUEST_NOT_FOUND) -> Refusal:
    """Return the refusal for an id that nothing has."""
    return Refusal(kind, f"nothing is known of {id_}; it may be older than what is kept")


def agent_id(given: str) -> str:
    """Return an agent's id; refuse what no agent can have."""
    if problem := _wrong_agent(given):
        raise Refusal(Kind.INVALID_AGENT_ID, problem)
    return given


def agent_parameter(given: str | None) -> str | None:
    """Return an agent's id that is a filter; refuse what no agent can have."""
    if given is not None and (problem := _wrong_agent(given)):
        raise Refusal(Kind.INVALID_PARAMETER, problem, field="agent")
    return given


def _wrong_agent(given: str) -> str | None:
    if not 1 <= len(given) <= LONGEST_AGENT_ID:
        return f"an agent id has 1 to {LONGEST_AGENT_ID} characters"
    return problem_with_id(given)


def one_of(name: str, given: str | None, known: Collection[str]) -> str | None:
    """Return a parameter that is one of these words, or None; refuse others."""
    if given is not None and given not in known:
        raise Refusal(
            Kind.INVALID_PARAMETER, f"{name} must be one of {', '.join(known)}", field=name
        )
    return given


def no_agent(id_: str) -> Refusal:
    """Return the refusal for an agent that is not held."""
    return Refusal(Kind.AGENT_NOT_FOUND, f"agent {id_} is not held; GET /v1/agents names all")


def _names(dependant: Dependant) -> Iterator[str]:
    """Yield the names of the parameters of an operation and of what it depends on."""
    yield from (field.alias for field in dependant.query_params)
    for each in dependant.dependencies:
        yield from _names(each)


def known_parameters(call: Call) -> None:
    """Refuse a parameter that the operation does not know, or that is there twice.

    A mistyped filter would otherwise show everything.
    """
    route = cast("APIRoute", call.scope["route"])
    known = list(_names(route.dependant))
    seen: set[str] = set()
    for name, _ in call.query_params.multi_items():
        if name not in known:
            there_are = f"there are {', '.join(known)}" if known else "this takes none"
            raise Refusal(Kind.INVALID_PARAMETER, f"there is no such parameter; {there_are}")
        if name in seen and name not in REPEATABLE:
            raise Refusal(Kind.INVALID_PARAMETER, f"{name} is there twice", field=name)
        seen.add(name)
