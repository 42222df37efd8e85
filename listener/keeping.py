"""What a daemon keeps: its journal, the chronicle over it, and the Idempotency-Keys.

Opened once, or taken over from the process before. Knows which of it the settings want.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from listener.assembly import Listener
from listener.chronicle import Chronicle
from listener.errors import NotKept
from listener.handover.adopting import remember
from listener.handover.carried import State
from listener.idempotency import Keys
from listener.journal import Journal, Options, Stored, key_of_folder
from listener.ledger import now_utc
from listener.offers import Idempotency
from listener.restoring import restore, restore_keys, restore_settled
from listener.settings import Settings
from listener.settings.serving import Notifications
from listener.tally import Tally

READ_AGAIN = 1.0
"""Seconds between two tries to read what the journal knows."""
LETS_GO = 10.0
"""Seconds for another process of ours to let go of the journal."""
RECENT = timedelta(minutes=2)
"""What was settled since then may own an unsigned error that is still to come (rules 5)."""


@dataclass(slots=True)
class Kept:
    """The chronicle (with its journal, if there is one) and the keys.

    `hashes`: the key of their hashes, None where it is the journal's. `later`: puts back what the
    journal knows when that could not be read at the start.
    """

    settings: Settings
    chronicle: Chronicle
    keys: Keys
    hashes: bytes | None = field(repr=False)
    later: asyncio.Task[None] | None = field(default=None, repr=False)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Settings, tally: Tally, state: State | None = None
    ) -> AsyncIterator[Kept]:
        """Open what the settings want. `state`: what the process before knows, at a hand-over.

        Raises ConfigurationError for a journal that cannot be used.
        """
        first = state is None  # else the process before goes on when there is no room
        journal = await open_journal(settings, within=0.0 if first else LETS_GO, patient=first)
        chronicle = Chronicle(
            journal,
            whole=settings.journal.notifications is not Notifications.OFF,
            lagged=lambda: _lagged(tally),
            earlier=state.events if state is not None else None,
        )
        hashes = None
        if journal is not None:
            keys = Keys(journal.hash_of)
        else:
            hashes = (state.hashes if state is not None else None) or secrets.token_bytes(32)
            keys = Keys(_keyed(hashes))
        kept = cls(settings, chronicle, keys, hashes)
        try:
            yield kept
        finally:
            await kept.stop_restoring()
            last = chronicle.journal  # another one after a hand-over that came to nothing
            if last is not None:
                await last.aclose()

    @property
    def journal(self) -> Journal | None:
        """The journal, if one is kept."""
        return self.chronicle.journal

    def introduce(self, listener: Listener) -> None:
        """Let the chronicle know how requests are."""
        self.chronicle.state = listener.service.correlator.state
        self.chronicle.deployment = lambda: listener.service.deployment
        self.chronicle.discreet = listener.service.discreet

    async def restore(self, listener: Listener) -> None:
        """Put back what the journal knows, before the first session begins.

        When it cannot be read now it is put back as soon as it can; no request is taken before.
        """
        self.introduce(listener)
        if self.journal is None:
            return
        # Only one process at a time has this journal: whoever had it before has ended.
        listener.roster.dialling.home = self.journal.epoch
        if self.journal.is_open:
            try:
                await self._restore(listener, self.journal)
            except NotKept as error:
                self.journal.hold_back(str(error))
            else:
                return
        self.later = asyncio.create_task(self._restore_later(listener, self.journal))

    async def _restore(self, listener: Listener, journal: Journal) -> None:
        await restore(
            listener.service,
            journal,
            self.keys,
            now=now_utc(),
            remember_for=self._remembered(),
        )

    async def _restore_later(self, listener: Listener, journal: Journal) -> None:
        await journal.opened()
        while True:
            try:
                await self._restore(listener, journal)
            except NotKept as error:
                journal.hold_back(str(error))
                await asyncio.sleep(READ_AGAIN)  # nobody tells when a disk can be read again
            else:
                journal.release()
                return

    async def stop_restoring(self) -> None:
        """Wait no more for a journal that cannot be read."""
        if self.later is not None:
            self.later.cancel()
            await asyncio.gather(self.later, return_exceptions=True)

    async def inherit(self, listener: Listener, state: State) -> list[Stored]:
        """Put back what the process before knew, but for what `inherit_rest` does in its time.

        Returns what the journal has open.
        """
        self.introduce(listener)
        if self.journal is None:
            remember(listener, state.past)
            if state.hashes is not None:
                for key, fingerprint, id_, at in state.keys:
                    self.keys.add((key, fingerprint), id_, at)
            return []
        now, service = now_utc(), listener.service
        await restore_keys(self.journal, self.keys, now=now, loop=service.loop.time())
        recent = min(RECENT, self._remembered())
        await restore_settled(service, self.journal, now=now, remember_for=recent)
        if not state.journalled:
            self._rehash(listener, state)
        return await self.journal.unsettled()

    async def inherit_rest(self, listener: Listener) -> None:
        """Put back what was settled a while ago: nothing that is open depends on it."""
        if self.journal is not None:
            remember_for = self._remembered()
            service = listener.service
            await restore_settled(service, self.journal, now=now_utc(), remember_for=remember_for)

    def _rehash(self, listener: Listener, state: State) -> None:
        """Take over what a process without a journal knew."""
        remember(listener, state.past)
        for record in [*(past.record for past in state.past), *(one.record for one in state.open)]:
            if record.idempotency is not None:
                hashed = self.keys.hashed(Idempotency(*record.idempotency))
                self.keys.add(hashed, record.key, record.submitted_at)

    def _remembered(self) -> timedelta:
        return timedelta(minutes=self.settings.requests.tombstone_minutes)

    async def reopen(self) -> Journal | None:
        """Open the journal again that was closed for another process, which is gone."""
        return await open_journal(self.settings, within=LETS_GO)


async def open_journal(
    settings: Settings, *, within: float = 0.0, patient: bool = False
) -> Journal | None:
    """Open the journal that the settings name, None where they name none.

    Waits `within` seconds for another process to let go of it. Raises ConfigurationError for one
    that cannot be used, and NotKept for want of room unless `patient` (see `Journal.open`).
    """
    wanted = settings.journal
    if wanted.path is None:
        return None
    key = await asyncio.to_thread(key_of_folder, wanted.path)
    options = Options(
        notifications=wanted.notifications.value,
        keep_call_data=wanted.keep_call_data,
        retention=timedelta(days=wanted.retention_days),
        max_bytes=wanted.max_megabytes * 1024 * 1024,
        key=key,
    )
    return await Journal.open(
        wanted.path, options, now=now_utc, within=within, patient=patient, keep_key=True
    )


def _keyed(key: bytes) -> Callable[[str], str]:
    """Return a keyed hash without a journal."""
    return lambda text: hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _lagged(tally: Tally) -> None:
    tally.lagged += 1
