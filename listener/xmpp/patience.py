"""How long a link waits after a trouble, and what cuts its wait short.

Knows which credentials and which certificates were tried, and whether there are others by now. Must
not know sessions, or what is told of a trouble.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from listener.errors import CertificateRefused, CredentialsRefused
from listener.xmpp.policy import Backoff, Remedy, classify, next_delay, slow_delay

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from listener.xmpp.contract import Ending


class Patience:
    """That of one link. `random` returns a number from 0 to 1, for the jitter."""

    def __init__(self, backoff: Backoff, random: Callable[[], float]) -> None:
        self._backoff = backoff
        self._random = random
        self._changed = asyncio.Event()
        self._credentials = 0  # another number each time they changed
        self._tried = 0  # that of those with which the last attempt was made
        self._refused: int | None = None  # of those that were refused on a move
        self._trust = 0  # another number each time that other certificates were trusted
        self._trusted = 0  # that of the last attempt
        self._slowly = False  # it waits because a certificate was refused

    def __repr__(self) -> str:
        return f"<Patience {self._backoff}>"

    def credentials_changed(self) -> None:
        """Cut a wait short; what was said to the former ones stops nothing."""
        self._credentials += 1
        self._changed.set()

    def trust_renewed(self) -> None:
        """Cut a wait short that a refused certificate made."""
        self._trust += 1
        if self._slowly:
            self._changed.set()

    def considers(self) -> None:
        """Take note that what there is to sign in with now is meant to be tried."""
        self._tried = self._credentials

    def tries(self) -> None:
        """Take note that it is tried, with the certificates that are trusted now."""
        self._tried, self._trusted = self._credentials, self._trust

    def came(self) -> None:
        """Take note that there is a session."""
        self._refused = None

    def stays(self) -> None:
        """Take note that what was tried was refused on a move, whose old session stays."""
        self._refused = self._tried

    def after(self, trouble: Exception | Ending, failures: int) -> float | None:
        """Return how long to wait after so many failures in a row; None: until a word comes."""
        remedy = self._remedy(trouble)
        self._slowly = remedy is Remedy.RETRY_SLOWLY
        if remedy is Remedy.STOP:
            return None
        if remedy is Remedy.RETRY_SLOWLY:
            return slow_delay(self._backoff, self._random())
        return next_delay(self._backoff, failures, self._random())

    def after_loss(self, trouble: Exception | Ending, failures: int) -> float | None:
        """Return the same where no session is there any more; nothing of before cuts it short."""
        delay = self.after(trouble, failures)
        self._changed.clear()
        if self._refused is not None and self._refused == self._credentials:
            return None  # the session is lost that stayed when these were refused elsewhere
        return delay

    def _remedy(self, trouble: Exception | Ending) -> Remedy:
        """Say what to do; what was refused to former credentials does not stop the new ones.

        Nor does what was refused by former certificates hold the new ones up.
        """
        if isinstance(trouble, CredentialsRefused) and self._tried != self._credentials:
            return Remedy.RETRY
        if isinstance(trouble, CertificateRefused) and self._trusted != self._trust:
            return Remedy.RETRY
        return classify(trouble)

    async def changes(self, delay: float | None) -> None:
        """Wait until other credentials are there than those that were tried, or so long."""
        if self._credentials == self._tried:
            self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._changed.wait()
        self._changed.clear()

    async def hold_back(
        self, delay: float | None, elsewhere: Coroutine[Any, Any, None] | None
    ) -> bool:
        """Wait for so long, for a word, or until `elsewhere` returns; True when a word came."""
        words: list[asyncio.Task[Any]] = [asyncio.create_task(self._changed.wait())]
        if elsewhere is not None:
            words.append(asyncio.create_task(elsewhere))
        try:
            await asyncio.wait(words, timeout=delay, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for word in words:
                word.cancel()
            await asyncio.gather(*words, return_exceptions=True)
        return self._changed.is_set()
