"""What the API needs from the rest of the daemon; `backend` fulfils it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from pydantic import SecretStr

from listener.finesse.actions.request import Request
from listener.offers import Idempotency, Reader, Readiness, Resource, Taken, Wanted
from listener.terms import Wishes


class Backend(Protocol):
    """Everything that an operation of the API does.

    Resources are dicts in the shapes of docs/api.md. Every method may raise NotAccepted (its
    `retry_after` says when to try again) and InvalidRequest, before anything is sent.
    """

    @property
    def deployment(self) -> str | None:
        """UCCE, UCCX or None when not known yet."""
        ...

    async def submit(
        self, request: Request, wishes: Wishes, idempotency: Idempotency | None = None
    ) -> Taken:
        """Take a request, keep its intent, and send it. Raises KeyReused."""
        ...

    async def expect(
        self, request: Request, wishes: Wishes, idempotency: Idempotency | None = None
    ) -> Taken:
        """Take an expectation: the caller sends it with the resource's requestId."""
        ...

    async def report(self, id_: str, status: int, body: bytes | None) -> Resource | None:
        """Tell what Finesse answered to an expectation; None when there is no such expectation."""
        ...

    async def resource(self, id_: str, wait: float = 0.0) -> Resource | None:
        """Return a request, settled or after `wait` seconds; None when it is not known."""
        ...

    def resources(
        self,
        *,
        state: str | None,
        agent: str | None,
        request_id: str | None,
        limit: int,
    ) -> AsyncGenerator[Resource, None]:
        """Yield requests, newest first. `state`: "open", or one of the resource's states.

        Lets the loop turn by itself. Go through it without waiting for anything else, and close it.
        """
        ...

    async def abandon(self, id_: str) -> Resource | None:
        """Stop waiting for a request; None when it is not known."""
        ...

    def events(self, wanted: Wanted, after: str | None) -> Reader:
        """Begin to read events: from now on, or behind the id `after`."""
        ...

    def agents(self) -> list[Resource]:
        """Return all agents: id, state, live, node, since, lastGap, lastError, configured."""
        ...

    def agent(self, id_: str) -> Resource | None:
        """Return one agent; None when it is not held."""
        ...

    def dialogs(self, id_: str) -> Resource | None:
        """Return an agent's dialogs as last known: {"agent", "live", "at", "dialogs": [...]}."""
        ...

    async def put_agent(
        self,
        id_: str,
        *,
        password: SecretStr | None,
        token: SecretStr | None,
        extension: str | None,
    ) -> tuple[Resource, bool]:
        """Add an agent or change its credentials; True when it was added."""
        ...

    async def remove_agent(self, id_: str, *, force: bool) -> bool:
        """End an agent's session; False when it is not held. Raises AgentSignedIn."""
        ...

    def ready(self) -> Readiness:
        """Say whether the daemon can do its work."""
        ...

    def info(self) -> Resource:
        """Return version, deployment, nodes, epoch, started, limits: nothing secret."""
        ...

    def metrics(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        ...

    async def reload(self, *, retry_refused: bool) -> Resource:
        """Read the settings again; return what `ReloadShape` describes.

        `retry_refused`: try credentials once more that Finesse refused, though they are the same.
        Raises ConfigurationError.
        """
        ...

    async def forget(self, *, number: str | None, dialog_id: str | None) -> Resource:
        """Erase what the journal knows of a number or a dialog: {"erased": {...}}."""
        ...
