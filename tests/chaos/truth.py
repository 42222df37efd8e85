"""What truly was: every event that was published and to whom, every deed, every GET.

Stands between the simulator's switch and its nodes' servers, and notes; the notes are an `Account`
for the oracle's judge. Knows nothing of what the daemon says.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from listener.finesse import uris
from listener.simulator.faults import Faults, Plan, Rule
from listener.simulator.interfaces import Deed, Form, HttpRequest, HttpResponse
from tests.oracle.account import Account, Asked, Got, Parcel
from tests.oracle.wires import SENDER, Fortune, Misfortune

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from listener.simulator.finesse import Finesse
    from listener.simulator.outbox import Cause

MAX_MADE = 20_000


class Notes:
    """The account that is being written, which another one follows, and what outlives it.

    `fortunes` has what is dealt to a request by agent and requestId, `items` each event by the id
    under which it was published.
    """

    def __init__(self, account: Account, clock: Callable[[], float]) -> None:
        self.account = account
        self.clock = clock
        self.fortunes: dict[tuple[str, str], list[tuple[Asked, Fortune]]] = {}
        self.items: dict[str, list[Parcel]] = {}
        self._made: dict[int, Parcel] = {}
        self._order: deque[Parcel] = deque()

    def made(self, parcel: Parcel) -> None:
        """Take note of an event that the switch has put out."""
        self._made[id(parcel.payload)] = parcel
        self._order.append(parcel)
        self.account.parcels.append(parcel)
        while len(self._order) > MAX_MADE:
            old = self._order.popleft()
            if self._made.get(id(old.payload)) is old:
                del self._made[id(old.payload)]
            self.items.pop(old.item_id, None)

    def known(self) -> Iterable[Parcel]:
        """Return the events that are still noted, those of earlier stories with them."""
        return self._order

    def knows(self, payload: str) -> bool:
        """Say whether that very text was noted."""
        found = self._made.get(id(payload))
        return found is not None and found.payload is payload

    def parcel(self, node: str, payload: str) -> Parcel:
        """Return the event with that very text (a copy of it is another event)."""
        found = self._made.get(id(payload))
        if found is None or found.payload is not payload:
            found = Parcel(node, payload, self.clock(), None, None, is_error=False)
            self.made(found)
        return found

    def fortune(self, deed: Deed) -> Fortune:
        """Return what was dealt to the request of ours that this deed is."""
        found = self.fortunes.get((deed.agent, deed.request_id or ""), [])
        fitting = [
            fortune
            for asked, fortune in found
            if asked.request.requested_action == deed.action
            and asked.request.dialog_id == deed.dialog_id
        ]
        unused = [fortune for fortune in fitting if fortune.count == 0]
        return (unused or fitting or [Fortune()])[0]


class Dealt(Misfortune):
    """The simulator's faults as the story deals them, to requests that come over the wire."""

    def __init__(self, seed: int, background: float, notes: Notes) -> None:
        super().__init__(seed, background, lambda: None)
        self._notes = notes

    def plan(self, deed: Deed) -> Plan:
        """Return what was dealt to a request."""
        if deed.client != "caller" or deed.action == "GET":
            return super().plan(deed)
        fortune = self._notes.fortune(deed)
        deed.faults.extend(fault.value for fault in fortune.request)
        return fortune

    def event(self, plan: Plan | None, deed: Deed | None, *, is_error: bool) -> Rule | None:
        """Say what goes wrong with an event."""
        return super().event(plan, deed, is_error=is_error)


class Deeds(deque[Deed]):
    """Finesse's own record, which is kept in the account that is being written."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(maxlen=10_000)
        self._notes = notes

    def append(self, deed: Deed) -> None:
        """Take in what has just reached Finesse."""
        super().append(deed)
        self._notes.account.deeds.append(deed)


class Noting:
    """A node's publisher, with a note of what truly went out on sound links.

    `sound(agent)`: whether that agent has a session here on a link that nothing is wrong with.
    """

    def __init__(self, publisher: Any, notes: Notes, sound: Callable[[str | None], bool]) -> None:
        self._publisher = publisher
        self._notes = notes
        self._sound = sound

    async def publish(
        self, node: str, payload: str, *, item_id: str | None = None, form: Form = Form.ESCAPED
    ) -> int:
        """Publish, and note it."""
        parcel = self._notes.parcel(node, payload)
        if item_id is not None:
            self._notes.items.setdefault(item_id, []).append(parcel)
            parcel.item_id = parcel.item_id or item_id
        sound = self._sound(uris.place(node).user)
        reached: int = await self._publisher.publish(node, payload, item_id=item_id, form=form)
        if reached and sound:
            parcel.published.append(self._notes.clock())
        return reached

    def present(self, user: str) -> bool:
        """Say whether any session of that user is available."""
        there: bool = self._publisher.present(user)
        return there


class Reads:
    """A node's REST handler, with a note of each GET.

    `trouble` is what GETs suffer from now, `met` how many did so until now.
    """

    def __init__(self, handler: Any, notes: Notes) -> None:
        self._handler = handler
        self._notes = notes
        self.trouble = ""
        self.met = 0

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        if request.method != "GET":
            return await self._handler(request)  # type: ignore[no-any-return]
        sent, notes = self._notes.clock(), self._notes
        status: int | None = None
        answered: float | None = None
        self.met += bool(self.trouble)
        try:
            if self.trouble == "get_hangs":
                while self.trouble == "get_hangs":  # noqa: ASYNC110  a fault without an event
                    await asyncio.sleep(0.05)
            if self.trouble in {"get_500", "get_401"}:
                status = int(self.trouble[4:])  # and tells nothing that was asked for
                return HttpResponse(status)
            response: HttpResponse = await self._handler(request)
            status, answered = response.status, notes.clock()
            return response
        finally:
            got = Got(sent, answered, signed_by(request), request.path, status)
            notes.account.gets.append(got)


def signed_by(request: HttpRequest) -> str:
    """Return with whose login a request came; "" without one."""
    _, _, token = request.headers.get("authorization", "").partition(" ")
    with suppress(ValueError):
        return base64.b64decode(token, validate=True).decode().partition(":")[0]
    return ""


class Tags:
    """Says which events carry the id of their request: as the story has it."""

    def __init__(self, finesse: Finesse, notes: Notes) -> None:
        self._notes = notes
        self._tag: str | None = None
        outbox = finesse.switch._outbox
        self._enqueue = outbox._enqueue
        outbox._tag = self.tag  # type: ignore[method-assign]  # the story says who is tagged
        outbox._enqueue = self.put  # type: ignore[method-assign]  # the judge must know all of them
        self._note = outbox._note
        outbox._note = self.unpublished  # type: ignore[method-assign]  # also of what stays untold

    def tag(self, cause: Cause, *, is_error: bool, own: bool) -> str | None:
        """Return the id for an event, or None."""
        self._tag = None
        if cause.request_id is None:
            return None
        told, cause.told = cause.told, cause.told + 1
        plan = cause.plan if isinstance(cause.plan, Fortune) else Fortune()
        if not own and not plan.others:
            return None
        letters = plan.error_tag if is_error else plan.tags
        letter = letters[told % len(letters)]
        self._tag = cause.request_id if letter == "1" or (own and letter == "o") else None
        return self._tag

    def put(self, parcel: Any) -> None:
        """Note an event before anything happens to it."""
        self._made(parcel)
        self._enqueue(parcel)

    def unpublished(self, parcel: Any, reached: int) -> None:
        """Note an event that no node publishes: nobody can know what it would have told."""
        if not self._notes.knows(parcel.payload):
            self._made(parcel)
        self._note(parcel, reached)

    def _made(self, parcel: Any) -> None:
        tag, self._tag = self._tag, None
        now, deed = self._notes.clock(), parcel.deed
        made = Parcel(parcel.node, parcel.payload, now, deed, tag, is_error=parcel.is_error)
        self._notes.made(made)


__all__ = ["SENDER", "Dealt", "Deeds", "Faults", "Notes", "Noting", "Reads", "Tags", "signed_by"]
