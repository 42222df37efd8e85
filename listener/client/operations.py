"""What a client asks of the daemon as a whole: its agents, its health, its settings, what it keeps.

The requests and events are `client`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from listener.client import places
from listener.client.answers import json_of
from listener.client.line import Call, Line
from listener.client.resources import (
    AgentResource,
    DialogsResource,
    ErrorEntries,
    PageLink,
    ReadinessResource,
)
from listener.errors import InvalidRequest

if TYPE_CHECKING:
    from pydantic import SecretStr

_UNAVAILABLE = 503


class Operations:
    """One daemon, at the other end of a line. `where`: the socket or the address, for sentences."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @property
    def where(self) -> str:
        """The socket or the address, for sentences."""
        return self._line.where

    # ---------------------------------------------------------------- agents

    async def agents(self) -> list[AgentResource]:
        """Return all agents and their sessions."""
        return await self._list("/v1/agents", "agents", {})

    async def agent(self, id_: str) -> AgentResource:
        """Return one agent."""
        return cast("AgentResource", await self._json(Call("GET", _agent(id_))))

    async def dialogs(self, id_: str) -> DialogsResource:
        """Return an agent's dialogs as last known, with the time of that knowledge."""
        return cast("DialogsResource", await self._json(Call("GET", f"{_agent(id_)}/dialogs")))

    async def put_agent(
        self,
        id_: str,
        *,
        password: str | SecretStr | None = None,
        token: str | SecretStr | None = None,
        extension: str | None = None,
    ) -> AgentResource:
        """Add an agent or change its credentials (scope admin); they can never be read again."""
        body = given(
            password=None if password is None else places.plain(password),
            token=None if token is None else places.plain(token),
            extension=extension,
        )
        return cast("AgentResource", await self._json(Call("PUT", _agent(id_), json=body)))

    async def remove_agent(self, id_: str, *, force: bool = False) -> None:
        """End an agent's session (scope admin).

        A Problem of status 409 says that the agent is signed in and this may be its only session;
        `force` ends it all the same.
        """
        params = {"force": "true"} if force else None
        await self._line.call(Call("DELETE", _agent(id_), params=params))

    # ---------------------------------------------------------------- operations

    async def explain(self, code: str) -> ErrorEntries:
        """Return what is known about an error code, a constant or an error type."""
        path = f"/v1/errors/{segment(code)}"
        return cast("ErrorEntries", await self._json(Call("GET", path)))

    async def info(self) -> dict[str, Any]:
        """Return version, deployment, nodes, epoch, start and limits."""
        return cast("dict[str, Any]", await self._json(Call("GET", "/v1/info")))

    async def ready(self) -> ReadinessResource:
        """Say whether the daemon can do its work, and what is in the way."""
        call = Call("GET", "/readyz")
        answer = await self._line.call(call, also=(_UNAVAILABLE,))
        return cast("ReadinessResource", json_of(answer.content, self.where))

    async def metrics(self) -> str:
        """Return the metrics in Prometheus' text format."""
        return (await self._line.call(Call("GET", "/metrics"))).text

    async def page_link(self, *, numbers: bool = False) -> PageLink:
        """Return a link to the daemon's page: good once, for 60 s (scope read).

        `numbers`: the page may show telephone numbers and call data (scope admin). A Problem of
        status 409 says that it is not served over TCP.
        """
        call = Call("POST", "/page/codes", json={"numbers": numbers})
        return cast("PageLink", await self._json(call))

    async def reload(self, *, retry_refused: bool = False) -> dict[str, Any]:
        """Let the daemon read its settings again (scope admin); returns what changed.

        `retry_refused`: let it try passwords and tokens once more that Finesse refused, though they
        are the same. A Problem tells what is wrong with the file; nothing was changed then.
        """
        params = {"retryRefused": "true"} if retry_refused else None
        return cast("dict[str, Any]", await self._json(Call("POST", "/v1/reload", params)))

    async def forget(
        self, *, number: str | None = None, dialog_id: str | None = None
    ) -> dict[str, Any]:
        """Erase what the journal knows of a telephone number or a dialog (scope admin)."""
        if (number is None) == (dialog_id is None):
            raise InvalidRequest("give a number or a dialog_id, one of them")
        body = given(number=number, dialogId=dialog_id)
        return cast("dict[str, Any]", await self._json(Call("POST", "/v1/forget", json=body)))

    # ---------------------------------------------------------------- inside

    async def _json(self, call: Call) -> Any:
        return json_of((await self._line.call(call)).content, self.where)

    async def _list(self, path: str, key: str, params: Mapping[str, str]) -> list[Any]:
        found = await self._json(Call("GET", path, params=params))
        listed = found.get(key) if isinstance(found, dict) else found
        return listed if isinstance(listed, list) else []


def segment(id_: str) -> str:
    """Return an id as one segment of a path."""
    if id_ in {"", ".", ".."}:  # httpx, or a proxy, would take these for another path
        raise InvalidRequest("an id is needed, and this is none")
    return quote(id_, safe="")


def _agent(id_: str) -> str:
    return f"/v1/agents/{segment(id_)}"


def given(**params: str | None) -> dict[str, str]:
    """Return those that are given."""
    return {name: value for name, value in params.items() if value is not None}
