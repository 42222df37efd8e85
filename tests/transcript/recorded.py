"""Stories of the oracle's virtual world, recorded as they are played. Test helper."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from listener.correlation.picture import Baseline
from listener.finesse.sealed import Sealer, sealed_dialog, sealed_request
from listener.transcript import Head, Options, Recorder
from tests.oracle.clock import EPOCH, VirtualLoop, run
from tests.oracle.kept import Kept
from tests.oracle.play import Player
from tests.oracle.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from listener.journal import Stored
    from tests.oracle.account import Account
    from tests.oracle.story import Story


def head_of(gate: str, clock: float) -> Head:
    """Return what the first line says of a run in a test."""
    return Head(
        program="finesse-listener test",
        deployment="UCCE",
        started=EPOCH,
        clock=clock,
        max_pending=10_000,
        max_pending_per_agent=100,
        tombstone_for=900.0,
        gate=gate,
    )


class SealedKept(Kept):
    """A memory that seals call data, as the journal does."""

    sealer = Sealer(b"a key of sixteen")

    def unsettled(self) -> list[Stored]:
        return [self._sealed(row) for row in super().unsettled()]

    def _sealed(self, row: Stored) -> Stored:
        record = copy(row.record)
        record.request = sealed_request(record.request, self.sealer)
        baseline = row.baseline
        if baseline is not None:
            baseline = Baseline(
                baseline.dialog and sealed_dialog(baseline.dialog, self.sealer),
                tuple(sealed_dialog(each, self.sealer) for each in baseline.others),
                baseline.user,
            )
        return replace(row, record=record, baseline=baseline)


class RecordedWorld(World):
    """A world whose service is recorded, each process as a run of its own in one file."""

    def __init__(self, loop: VirtualLoop, seed: int, traits: Any, options: Options) -> None:
        self._options = options
        self._recorder: Recorder | None = None
        super().__init__(loop, seed, traits)

    def _start(self) -> None:
        if not isinstance(self.kept, SealedKept):
            self.kept = SealedKept(self._turn)
        super()._start()
        head = head_of(self.traits["gate"], self.loop.time())
        self._recorder = Recorder(self._options, head, wall=self.loop.wall, most_waiting=10_000_000)
        self._recorder.start()
        self.service.record(self._recorder)

    async def _stop(self) -> None:
        await super()._stop()
        assert self._recorder is not None
        assert self._recorder.close(30.0)


def play_recorded(story: Story, path: Path, **options: Any) -> Account:
    """Play a story, and record it into that file."""

    async def main(loop: VirtualLoop) -> Account:
        made = Options(path=path, **options)
        async with RecordedWorld(loop, story.seed, story.traits, made) as world:
            player = Player(world, story)
            await player.play()
        return world.account

    return run(main)
