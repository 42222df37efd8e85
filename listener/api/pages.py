"""`/openapi.json` and `/docs`: the description, and a page that shows it without the internet.

The page's files come from the installed package fastapi_offline. Knows files and headers; knows no
operation.
"""

from __future__ import annotations

import asyncio
import json
from functools import cache
from importlib import resources
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request as Call
from starlette.responses import Response

from listener.api.described import described
from listener.api.refusals import Kind, Refusal
from listener.web.callers import Scope

router = APIRouter(include_in_schema=False)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""Nothing from elsewhere, and no script in the page. Swagger UI sets styles on its elements."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>finesse-listener</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/favicon.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/show.js"></script>
</body>
</html>
"""

SHOW = """"use strict";
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
  deepLinking: true,
  defaultModelsExpandDepth: 0,
});
"""

FILES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
}

_SAFE = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@router.get("/openapi.json", **described(Scope.READ, "", {200: {"description": ""}}))
async def description(call: Call) -> Response:
    """Return the description of this API (OpenAPI 3.1)."""
    state = call.app.state
    if not hasattr(state, "description"):  # making it takes too long for the loop
        state.description = await asyncio.to_thread(lambda: _json(call.app.openapi()))
    return Response(state.description, media_type="application/json")


def _json(described: dict[str, Any]) -> bytes:
    return json.dumps(described, ensure_ascii=False).encode()


@router.get("/docs", **described(Scope.READ, "", {200: {"description": ""}}))
async def docs() -> Response:
    """Return the page that shows the description."""
    return Response(PAGE, media_type="text/html", headers=_SAFE)


@router.get("/docs/{name}", **described(Scope.READ, "", {200: {"description": ""}}))
async def file(name: str) -> Response:
    """Return one of the files that the page is made of."""
    if name == "show.js":
        return Response(SHOW, media_type="text/javascript", headers=_SAFE)
    if name not in FILES:
        raise Refusal(Kind.UNKNOWN_PATH, "the page has no such file")
    headers = {**_SAFE, "Content-Type": FILES[name], "Cache-Control": "private, max-age=3600"}
    return Response(await asyncio.to_thread(_read, name), headers=headers)


@cache
def _read(name: str) -> bytes:
    return (resources.files("fastapi_offline") / "static" / name).read_bytes()
