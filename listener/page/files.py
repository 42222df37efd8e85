"""`/` and the files of the page, for everybody: there is nothing of the daemon in them."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request as Call
from starlette.responses import Response

from listener.api.described import described
from listener.api.refusals import Kind, Refusal
from listener.page.assets import FOLDER, SAFE
from listener.page.page import page_of

router = APIRouter(include_in_schema=False)


@router.get("/", **described(None, "", {200: {"description": "the page"}}))
async def index(call: Call) -> Response:
    """Return the page; what it shows it asks for itself."""
    return _file(call, "/")


@router.get(FOLDER + "{name}", **described(None, "", {200: {"description": "a file"}}))
async def file(call: Call, name: str) -> Response:
    """Return one of the files that the page is made of."""
    return _file(call, FOLDER + name)


def _file(call: Call, path: str) -> Response:
    asset = page_of(call).assets.get(path)
    if asset is None:
        raise Refusal(Kind.UNKNOWN_PATH, "the page has no such file")
    headers = {**SAFE, "ETag": asset.etag, "Cache-Control": "no-cache"}
    given = ",".join(call.headers.getlist("if-none-match"))
    if asset.etag in {each.strip().removeprefix("W/") for each in given.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, headers={**headers, "Content-Type": asset.kind})
