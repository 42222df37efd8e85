"""A transport whose closing is decided by its protocol. Knows nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Ending(asyncio.Transport):
    """What uvicorn is given in place of the real transport: the part of it that uvicorn uses.

    `close` is called instead of the transport's own, and `closing` is asked before it.
    """

    def __init__(
        self, transport: asyncio.Transport, close: Callable[[], None], closing: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._transport = transport
        self._close = close
        self._closing = closing

    def let_go(self) -> None:
        """Ask the protocol no more: the connection is lost, and nothing more is to be done."""
        self._close = _nothing
        self._closing = _over

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection."""
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Say whether nothing more is to be done on it."""
        return self._closing() or self._transport.is_closing()

    def close(self) -> None:
        """Let the protocol end it."""
        self._close()

    def abort(self) -> None:
        """End it now."""
        self._transport.abort()

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Write, unless it is ending."""
        if not self._closing():
            self._transport.write(data)

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()


def _nothing() -> None:
    pass


def _over() -> bool:
    return True
