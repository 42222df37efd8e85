"""One request over a session of its own; a signal ends the waiting, not the knowledge.

Knows the loop and the signals. What was told to stop is still given its outcome, because a request
that left cannot be taken back.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from listener.correlation.outcome import Outcome, Reason, Rejected

if TYPE_CHECKING:
    from listener.assembly import Listener
    from listener.finesse.actions.request import Request
    from listener.settings import Settings
    from listener.ticket import Ticket

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Submission:
    """Sends one request and waits; `interrupted` says whether a signal cut that short."""

    def __init__(self, settings: Settings, request: Request, wishes: dict[str, Any]) -> None:
        self.interrupted = False
        self._deployment: str | None = settings.finesse.deployment
        self._settings = settings
        self._request = request
        self._wishes = wishes
        self._listener: Listener | None = None
        self._ticket: Ticket | None = None

    async def outcome(self) -> dict[str, Any]:
        """Return what came of it, as JSON; after a signal what is known at that moment.

        Raises what `Listener.open` and `Listener.start` raise: nothing was sent then.
        """
        work = asyncio.create_task(self._work(), name="send")
        with signals(lambda: self._stop(work)):
            try:
                return self._shown(await work)
            except asyncio.CancelledError:
                if not self.interrupted:
                    raise
                return self._shown(self._known())

    def _shown(self, outcome: Outcome) -> dict[str, Any]:
        from listener.report import outcome_json  # noqa: PLC0415  not needed to start

        return outcome_json(
            outcome,
            request=self._request,
            deployment=self._deployment,
            submitted=self._ticket.record.submitted if self._ticket is not None else None,
        )

    async def _work(self) -> Outcome:
        from listener.assembly import Listener  # noqa: PLC0415  loaded before the loop began

        async with Listener.open(self._settings) as listener:
            self._listener = listener
            self._ticket = listener.start(self._request, **self._wishes)
            outcome = await self._ticket.outcome()
            self._deployment = listener.deployment
        return outcome

    def _stop(self, work: asyncio.Task[Outcome]) -> None:
        """Abandon the request; before there is one, and the second time, stop at once."""
        if self._ticket is None or self._listener is None or self.interrupted:
            self.interrupted = True
            work.cancel()
        elif self._ticket.record.outcome is None:
            self.interrupted = True
            self._ticket.abandon()
            self._listener.hurry()
        else:
            self._listener.hurry()  # it is known already what came of it: that will be told

    def _known(self) -> Outcome:
        known = self._ticket.record.outcome if self._ticket is not None else None
        return known or Rejected(reason=Reason.CANCELLED, sent=False)


def whether_sent(outcome: Mapping[str, Any]) -> str:
    """Say what an interrupted request may have done; `outcome` is JSON."""
    if outcome["kind"] == "rejected":
        return "nothing was sent"
    if outcome["sent"] is None:
        return "whether the request was sent is not known; it may have happened"
    return "the request was sent; it may have happened"


@contextmanager
def signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` for each of SIGNALS inside the block; those that are ignored stay so (nohup)."""
    loop = asyncio.get_running_loop()
    taken: list[signal.Signals] = []
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            with suppress(ValueError, RuntimeError):  # not in the main thread
                loop.add_signal_handler(number, stop)
                taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
