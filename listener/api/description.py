"""The OpenAPI 3.1 description as a whole: what no single operation says.

Made once from the operations themselves (`described`); knows no operation.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from listener.api.bodies import AgentBody, AnswerBody, ForgetBody, RequestBody
from listener.api.described import SCHEMAS, TOKEN
from listener.api.happenings import EVENT_SHAPES
from listener.api.refusals import Kind
from listener.web.problems import PREFIX

APART: tuple[type[BaseModel], ...] = (
    *(RequestBody, AnswerBody, AgentBody, ForgetBody),
    *EVENT_SHAPES.values(),
)
"""The models that no operation has as its answer."""

ABOUT = """Send Cisco Finesse requests and learn what came of them.

The status codes speak of this API; the outcome speaks of the call. Problems are RFC 9457. Keys
that mean a Finesse thing carry Finesse's own name. Over TCP every call but `/livez` and `/readyz`
needs a token; at the Unix socket the system says who calls.
"""

TAGS = [
    {"name": "requests", "description": "Send and await."},
    {"name": "expectations", "description": "The caller sends, this daemon listens."},
    {"name": "events", "description": "What happens, as it happens."},
    {"name": "agents", "description": "Sessions, and dialogs as last known."},
    {"name": "operations", "description": "For operators."},
    {"name": "health", "description": "For those who watch."},
]

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A problem (RFC 9457): what was refused or went wrong, and whether to try again",
    "required": ["type", "title", "status", "detail", "retryable"],
    "properties": {
        "type": {
            "type": "string",
            "description": "stable: programs may compare it",
            "examples": [PREFIX + kind.type for kind in Kind],
        },
        "title": {"type": "string", "description": "the same for every problem of a type"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "what is wrong here, and the way out"},
        "retryable": {
            "type": "boolean",
            "description": "the same call may succeed later; nothing was sent to Finesse",
        },
        "field": {"type": "string", "description": "the name at fault, where there is one"},
        "suggestions": {"type": "array", "items": {"type": "string"}},
    },
}

SCHEMES: dict[str, Any] = {
    TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of the tokens file; each operation names the scope that it needs"
        " (admin includes request, request includes read). At the Unix socket none is needed.",
    }
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the description of an application's operations."""
    found = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        summary="The real outcome of Finesse requests",
        description=ABOUT,
        routes=app.routes,
        tags=TAGS,
        separate_input_output_schemas=False,
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for model in APART:
        schema = model.model_json_schema(ref_template=SCHEMAS + "{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    schemas["Problem"] = PROBLEM
    components["securitySchemes"] = SCHEMES
    return found
