"""How each node of the deployment is: its SystemInfo, its CTI link, its web application.

Sources: Cisco's failure scenarios. While CTI fails over every request gets 503 and no events flow;
afterwards the latest state of each agent and call is published, and what began and ended meanwhile
is not spoken of. Whoever has lost CTI and not noticed answers 500. Knows no ports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.finesse import uris
from listener.simulator import refusals, render
from listener.simulator.outbox import Cause
from listener.simulator.sides import IN_SERVICE

if TYPE_CHECKING:
    from listener.simulator.outbox import Outbox
    from listener.simulator.sides import Side, Sides
    from listener.simulator.switch import Switch

OUT_OF_SERVICE = "OUT_OF_SERVICE"
MAX_REPEATS = 20


class Standing:
    """The state of each node. Nodes are numbered from 0; None stands for all of them."""

    def __init__(self, sides: Sides, outbox: Outbox, switch: Switch) -> None:
        self._sides = sides
        self._outbox = outbox
        self._switch = switch

    def _these(self, node: int | None) -> list[tuple[int, Side]]:
        found = list(enumerate(self._sides))
        return found if node is None else [found[node]]

    def system_info(self, node: int = 0) -> str:
        """Return a node's SystemInfo body."""
        side = self._sides[node]
        return render.system_info(
            side.status,
            self._switch.setting.deployment,
            (side.domain, side.pubsub_domain),
            [each.domain for each in self._sides],
            self._switch.stamp(),
        )

    def check(self, node: int) -> None:
        """Raise RefusedNow where a node takes no requests: 503, or 500 without a word why."""
        side = self._sides[node]
        if side.status != IN_SERVICE:
            raise refusals.unavailable()
        if not side.has_cti:
            raise refusals.now(500, "Internal Server Error")

    def set_status(self, status: str, node: int | None = None, *, repeats: int = 1) -> None:
        """Go IN_SERVICE, PARTIAL_SERVICE or OUT_OF_SERVICE, and publish it.

        Back in service the latest state of everything is published, `repeats` times (fail-over
        brings bursts), each with an item id of its own. The wrapper `systemInfo` is INFERRED.
        """
        if not 1 <= repeats <= MAX_REPEATS:
            raise ValueError(f"repeats: from 1 to {MAX_REPEATS}")
        for number, side in self._these(node):
            back = status == IN_SERVICE != side.status
            side.status = status
            if not side.running:
                continue
            self._tell_service(number)
            if back and side.has_cti:
                self._tell_all(number, repeats)

    def lose_cti(self, node: int | None = None) -> None:
        """Lose the CTI link without noticing it yet: no events, and 500 for every request."""
        for _, side in self._these(node):
            side.has_cti = False

    def begin_cti_failover(self, node: int | None = None) -> None:
        """Lose CTI, and say so: OUT_OF_SERVICE, 503, no events."""
        self.lose_cti(node)
        self.set_status(OUT_OF_SERVICE, node)

    def end_cti_failover(self, node: int | None = None, *, repeats: int = 2) -> None:
        """Have CTI again: IN_SERVICE, and the latest state of everything, `repeats` times."""
        for _, side in self._these(node):
            side.has_cti = True
        self.set_status(IN_SERVICE, node, repeats=repeats)

    def stop_web_app(self, node: int) -> None:
        """Let a node's web application end: it publishes nothing from now on."""
        self._sides[node].running = False

    def start_web_app(self, node: int) -> None:
        """Let it run again; it reads the switch anew and publishes what it finds (INFERRED)."""
        side = self._sides[node]
        if side.running:
            return
        side.running = True
        self._tell_service(node)
        if side.speaks:
            self._tell_all(node, 1)

    def _tell_service(self, node: int) -> None:
        body = self.system_info(node).replace("SystemInfo>", "systemInfo>")
        with self._outbox.only(node):
            self._outbox.put(uris.SYSTEM_INFO, None, "PUT", uris.SYSTEM_INFO, body, cause=Cause())

    def _tell_all(self, node: int, repeats: int) -> None:
        with self._outbox.only(node):
            for _ in range(repeats):
                self._switch.tell_all()
