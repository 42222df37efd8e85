"""The page's routes, put into the application of the API.

    install(app, page)

Introduces the parts; knows no route itself.
"""

from __future__ import annotations

from fastapi import FastAPI

from listener.page import data, files, signing_in, stories
from listener.page.page import Page

OPEN = ("/page/session",)
"""What needs no credentials beside the files: it is where they are got."""


def install(app: FastAPI, page: Page) -> None:
    """Let the application serve the page."""
    app.state.page = page
    for router in (files.router, signing_in.router, data.router, stories.router):
        app.include_router(router)


def open_paths(page: Page) -> tuple[str, ...]:
    """Return the paths that are served without credentials."""
    return ("/livez", "/readyz", *OPEN, *page.assets)
