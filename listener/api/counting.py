"""Which operation a call is, by its method and path alone: also one that is not let in.

For counting. Knows the operations' routes; knows neither callers nor answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from re import Pattern

from fastapi import APIRouter
from fastapi.routing import APIRoute

NONE = "other"
"""What a call is whose path or method is not served."""


class Operations:
    """The operations of some routers, whose paths have no prefix."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        self._plain: dict[str, dict[str, str]] = {}
        self._with_ids: list[tuple[Pattern[str], dict[str, str]]] = []
        by_path: dict[str, dict[str, str]] = {}
        for router in routers:
            for route in router.routes:
                if isinstance(route, APIRoute):
                    known = by_path.get(route.path)
                    if known is None:
                        known = by_path[route.path] = self._place(route)
                    known |= dict.fromkeys(
                        route.methods or (), route.operation_id or route.unique_id
                    )

    def _place(self, route: APIRoute) -> dict[str, str]:
        methods: dict[str, str] = {}
        if "{" in route.path:
            self._with_ids.append((route.path_regex, methods))
        else:
            self._plain[route.path] = methods
        return methods

    def of(self, method: str, path: str) -> str:
        """Return the operationId, as OpenAPI has it; "other" for what is none. HEAD is GET."""
        methods = self._plain.get(path)
        if methods is None:
            found = (methods for form, methods in self._with_ids if form.match(path))
            methods = next(found, {})
        return methods.get("GET" if method == "HEAD" else method, NONE)
