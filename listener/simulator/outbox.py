"""From what happened to what is published: tags, payload variants, and misfortune on the way.

Order of `put` is order of arrival, unless a fault says otherwise. Every node that speaks when an
event is put publishes it. Knows who caused an event; knows nothing of calls. What became of each
event is written into the Deed that caused it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from listener.simulator import render
from listener.simulator.faults import Fault, Faults, Plan, Rule
from listener.simulator.interfaces import Deed, Form
from listener.simulator.profiles import Dice, Tagging, Variants

if TYPE_CHECKING:
    from collections.abc import Callable

    from listener.simulator.crew import Crew
    from listener.simulator.sides import Sides

_BOUND = 100_000  # a fail-over tells of 2,000 agents and their calls, several times, at each node
_ITEM = "0b6afdb5-5870-4b69-b649-7e7a8c69c0c"
"""Item ids are this, the node's number and a count: each node gives an item an id of its own."""


@dataclass(slots=True)
class Cause:
    """Who made something happen. All None: nobody over REST (a telephone, a customer, a queue)."""

    agent: str | None = None
    request_id: str | None = None
    deed: Deed | None = None
    plan: Plan | None = None
    told: int = 0


@dataclass(frozen=True, slots=True)
class Parcel:
    """One event, ready to go."""

    node: str
    payload: str
    form: Form
    item: str
    sides: tuple[int, ...]
    tagged: bool
    is_error: bool
    deed: Deed | None
    rule: Rule | None


class Outbox:
    """Publishes events one after another, and knows the faults."""

    def __init__(
        self,
        sides: Sides,
        crew: Crew,
        *,
        tagging: Tagging,
        variants: Variants,
        faults: Faults,
        seed: int,
        clock: Callable[[], float],
    ) -> None:
        self.tagging = tagging
        self.variants = variants
        self.faults = faults
        self._sides = sides
        self._crew = crew
        self._dice = Dice(seed, "payload")
        self._clock = clock
        self._queue: asyncio.Queue[Parcel] = asyncio.Queue(_BOUND)
        self._held: dict[str, Parcel] = {}
        self._items = 0
        self._pump: asyncio.Task[None] | None = None
        self._only: tuple[int, ...] | None = None

    @contextlib.contextmanager
    def only(self, side: int) -> Iterator[None]:
        """Publish what is put inside on that node alone, also out of service; nothing may wait."""
        self._only = (side,)
        try:
            yield
        finally:
            self._only = None

    def put(
        self,
        node: str,
        agent: str | None,
        event: str,
        source: str | None,
        data: str,
        *,
        cause: Cause,
        is_error: bool = False,
        own: bool = True,
    ) -> None:
        """Publish an event on that agent's node; `own` False: not the node the action speaks of."""
        tag = self._tag(cause, is_error=is_error, own=own and agent == cause.agent)
        payload = self._payload(data, event, source, tag)
        rule = self.faults.event(cause.plan, cause.deed, is_error=is_error)
        form = self._dice.pick(self.variants.payload.form, tuple(Form))
        self._items += 1
        parcel = Parcel(
            node=node,
            payload=payload,
            form=form,
            item=str(self._items),
            sides=self._speaking() if self._only is None else self._only,
            tagged=tag is not None,
            is_error=is_error,
            deed=cause.deed,
            rule=rule,
        )
        if not parcel.sides or (cause.plan is not None and Fault.SILENT in cause.plan):
            self._note(parcel, 0)
            return
        self._enqueue(parcel)

    def _speaking(self) -> tuple[int, ...]:
        return tuple(number for number, side in enumerate(self._sides) if side.speaks)

    def _tag(self, cause: Cause, *, is_error: bool, own: bool) -> str | None:
        if cause.request_id is None:
            return None
        first, cause.told = cause.told == 0, cause.told + 1
        if not own and not self._dice.flag(self.variants.tag_others):
            return None
        tagged = {
            Tagging.NONE: False,
            Tagging.FIRST: first,
            Tagging.ERRORS_EMPTY: not is_error,
            Tagging.DRAWN: self._dice.happens(0.5),
        }.get(self.tagging, True)
        return cause.request_id if tagged else None

    def _payload(self, data: str, event: str, source: str | None, tag: str | None) -> str:
        shape = self.variants.payload
        if tag is None and self._dice.flag(shape.empty_tag):
            tag = ""
        verb = event.lower() if self._dice.flag(shape.lower_event) else event
        return render.update(data, verb, source, tag, data_first=self._dice.flag(shape.data_first))

    def _enqueue(self, parcel: Parcel) -> None:
        if self._pump is None:
            self._pump = self._crew.start(self._run(), timer=True)
        try:
            self._queue.put_nowait(parcel)
        except asyncio.QueueFull:
            self._note(parcel, 0)
            if parcel.deed is not None:
                parcel.deed.faults.append("overflow")

    async def drained(self) -> None:
        """Wait until all that was put has gone out (late events excepted)."""
        await self._queue.join()

    async def _run(self) -> None:
        while True:
            parcel = await self._queue.get()
            try:
                await self._handle(parcel)
            except Exception as bug:  # noqa: BLE001  # one bad publish must not stop the rest
                self._crew.note(bug)
            finally:
                self._queue.task_done()

    async def _handle(self, parcel: Parcel) -> None:
        match parcel.rule.fault if parcel.rule else None:
            case Fault.EVENT_LOST:
                self._note(parcel, 0)
            case Fault.EVENT_LATE | Fault.ERROR_LATE:
                self._crew.start(self._late(parcel))
            case Fault.EVENT_SWAPPED if parcel.node not in self._held:
                self._held[parcel.node] = parcel
                self._crew.start(self._release(parcel))
            case Fault.EVENT_TWICE:
                await self._publish(parcel)
                await self._publish(parcel)
            case Fault.EVENT_AGAIN:
                await self._publish(parcel)
                await self._publish(replace(parcel, item=parcel.item + "-again"))
            case _:
                await self._publish(parcel)
        await self._behind(parcel)

    async def _behind(self, parcel: Parcel) -> None:
        held = self._held.get(parcel.node)
        if held is not None and held is not parcel:
            del self._held[parcel.node]
            await self._publish(held)

    async def _late(self, parcel: Parcel) -> None:
        await asyncio.sleep(parcel.rule.seconds if parcel.rule else 0)
        await self._publish(parcel)

    async def _release(self, parcel: Parcel) -> None:
        """Nothing else came on that node: publish what was to be swapped."""
        await asyncio.sleep(parcel.rule.seconds if parcel.rule else 0)
        if self._held.get(parcel.node) is parcel:
            del self._held[parcel.node]
            await self._publish(parcel)

    async def _publish(self, parcel: Parcel) -> None:
        reached = 0
        for number in parcel.sides:
            item_id = f"{_ITEM}{number}{parcel.item}"
            try:
                reached += await self._sides[number].publisher.publish(
                    parcel.node, parcel.payload, item_id=item_id, form=parcel.form
                )
            except Exception as bug:  # noqa: BLE001  # the other node publishes all the same
                self._crew.note(bug)
        self._note(parcel, reached)

    def _note(self, parcel: Parcel, reached: int) -> None:
        if parcel.deed is not None:
            parcel.deed.published.append((self._clock(), parcel.tagged, parcel.is_error, reached))
