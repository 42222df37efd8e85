"""One call-control request per device, and the allowance for DTMF (guide p.91, rules 9).

A lane per device, first come first served. Knows who holds it; not why they let go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from listener.finesse.actions.expectation import Gate

MAX_DTMF = 20  # outstanding together, as Finesse's desktop has it (pendingDTMFThresholdCount)


class GateMode(StrEnum):
    """What happens to a request whose device is busy."""

    QUEUE = "queue"
    REFUSE = "refuse"
    OFF = "off"


@dataclass(slots=True)
class Lane:
    """One device: who holds it, who waits."""

    holders: dict[str, Gate] = field(default_factory=dict)
    waiting: list[tuple[str, Gate]] = field(default_factory=list)

    def admits(self, gate: Gate) -> bool:
        """Say whether a request with that gate could go now."""
        if gate is Gate.DTMF:
            return len(self.holders) < MAX_DTMF and all(
                held is Gate.DTMF for held in self.holders.values()
            )
        return not self.holders


class Gatekeeper:
    """All lanes."""

    def __init__(self, mode: GateMode = GateMode.QUEUE) -> None:
        self.mode = mode
        self.closed = False
        """Nobody gets through now, but who is never held back."""
        self._lanes: dict[tuple[str, str | None], Lane] = {}

    def applies(self, gate: Gate) -> bool:
        """Say whether a request with that gate is held back at all."""
        return self.mode is not GateMode.OFF and gate is not Gate.NONE

    def busy(self, device: tuple[str, str | None], gate: Gate) -> bool:
        """Say whether a request would have to wait."""
        lane = self._lanes.get(device)
        return (
            self.applies(gate)
            and lane is not None
            and (bool(lane.waiting) or not lane.admits(gate))
        )

    def enter(self, device: tuple[str, str | None], key: str, gate: Gate) -> bool:
        """Take the lane (True) or a place in its queue (False)."""
        if not self.applies(gate):
            return True
        lane = self._lanes.setdefault(device, Lane())
        if self.closed or lane.waiting or not lane.admits(gate):
            lane.waiting.append((key, gate))
            return False
        lane.holders[key] = gate
        return True

    def hold(self, device: tuple[str, str | None], key: str, gate: Gate) -> None:
        """Take the lane for a request that is on its way already."""
        if self.applies(gate):
            self._lanes.setdefault(device, Lane()).holders[key] = gate

    def leave(self, device: tuple[str, str | None], key: str) -> list[str]:
        """Let go of the lane, or of the place in its queue; return who may go now."""
        lane = self._lanes.get(device)
        if lane is None:
            return []
        if lane.holders.pop(key, None) is None:
            lane.waiting = [each for each in lane.waiting if each[0] != key]
        return self._admitted(device, lane)

    def reopen(self) -> list[str]:
        """Let who waits through again; return who may go now."""
        self.closed = False
        every = list(self._lanes.items())
        return [key for device, lane in every for key in self._admitted(device, lane)]

    def _admitted(self, device: tuple[str, str | None], lane: Lane) -> list[str]:
        admitted = []
        while not self.closed and lane.waiting and lane.admits(lane.waiting[0][1]):
            next_, gate = lane.waiting.pop(0)
            lane.holders[next_] = gate
            admitted.append(next_)
        if not lane.holders and not lane.waiting:
            del self._lanes[device]
        return admitted
