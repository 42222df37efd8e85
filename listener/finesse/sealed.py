"""Texts of which only a keyed hash is kept: they can be compared, and never read.

For what must outlive a process and must not lie on a disk: call variables, the wrap-up reason,
a promised callback, digits. Knows which parts of a dialog and of a request are such; knows no file.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import replace

from listener.finesse.actions.callbacks import UpdateScheduledCallback
from listener.finesse.actions.calls import MakeCall
from listener.finesse.actions.dialogs import SendDtmf, UpdateCallData
from listener.finesse.actions.params import Pairs, pairs
from listener.finesse.actions.request import Request
from listener.finesse.model import CallVariable, Dialog, ScheduledCallbackInfo

MIN_KEY = 16
"""Bytes that a key has at least."""
_PREFIX = "\ue000sealed:"  # from the private use area: no real value begins so
_BYTES = 16
_FORM = re.compile(_PREFIX + f"[0-9a-f]{{{2 * _BYTES}}}")
NO_DIGIT = "\u2022"
"""Stands for each digit of a SEND_DTMF: the length tells the window; no check lets it pass."""


def is_sealed(text: str) -> bool:
    """Say whether a text is the form in which a sealed one is written down."""
    return _FORM.fullmatch(text) is not None


class Sealed(str):
    """A text of which only the keyed hash is known; as a str it is its written form.

    Equal to a plain text exactly when that has this hash, from either side, and to another Sealed
    of the same text and key. Only a Sealed has the same hash(): in sets and as a key of a dict it
    does not meet the plain text.
    """

    __slots__ = ("_sealer",)

    _sealer: Sealer

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Sealed):
            return str.__eq__(self, other)
        if isinstance(other, str):
            return str.__eq__(self, self._sealer.seal(other))
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = str.__hash__


class Sealer:
    """Seals texts with one key (at least MIN_KEY bytes, else ValueError)."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY:
            raise ValueError(f"a key has at least {MIN_KEY} bytes, not {len(key)}")
        self._key = key

    def __repr__(self) -> str:
        return "<Sealer>"

    def seal(self, text: str) -> Sealed:
        """Return a text sealed: HMAC-SHA256, the first 128 bits. A sealed one stays as it is."""
        if isinstance(text, Sealed):
            return text
        digest = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")
        return self._made(_PREFIX + digest[:_BYTES].hex())

    def open(self, text: str) -> Sealed:
        """Return what was written down as `text`. Raises ValueError when it is no such form."""
        if not is_sealed(text):
            raise ValueError("this is no sealed text")
        return self._made(text)

    def _made(self, form: str) -> Sealed:
        made = Sealed(form)
        made._sealer = self  # noqa: SLF001  made here alone
        return made


def sealed_dialog(dialog: Dialog, sealer: Sealer) -> Dialog:
    """Return a copy with the values of its call data sealed: variables, wrap-up, callback.

    Names stay, and so do the numbers that say who takes part. Absent and empty stay what they are.
    """
    media = dialog.media_properties
    callback = dialog.scheduled_callback_info
    return replace(
        dialog,
        callback_number=_sealed(dialog.callback_number, sealer),
        scheduled_callback_info=None
        if callback is None
        else ScheduledCallbackInfo(
            _sealed(callback.callback_time, sealer), _sealed(callback.callback_number, sealer)
        ),
        media_properties=replace(
            media,
            wrap_up_reason=_sealed(media.wrap_up_reason, sealer),
            wrap_up_items=_items(media.wrap_up_items, sealer),
            call_variables=tuple(
                CallVariable(name, _sealed(value, sealer)) for name, value in media.call_variables
            ),
        ),
    )


def sealed_request(request: Request, sealer: Sealer) -> Request:
    """Return a copy with what it sets sealed, and with as many marks as it had digits.

    Requests without such data come back as they are. A copy is for judging, never for sending.
    """
    if isinstance(request, SendDtmf):
        return replace(request, dtmf_string=NO_DIGIT * len(request.dtmf_string))
    if isinstance(request, MakeCall):
        return replace(request, call_variables=_variables(pairs(request.call_variables), sealer))
    if isinstance(request, UpdateScheduledCallback):
        return replace(
            request,
            callback_time=_sealed(request.callback_time, sealer),
            callback_number=_sealed(request.callback_number, sealer),
        )
    if isinstance(request, UpdateCallData):
        items = request.wrap_up_items
        return replace(
            request,
            call_variables=_variables(request.variables, sealer),
            wrap_up_reason=_sealed(request.wrap_up_reason, sealer),
            wrap_up_items=None if items is None else _items(items, sealer),
        )
    return request


def _sealed(text: str | None, sealer: Sealer) -> str | None:
    return sealer.seal(text) if text else text


def _items(items: tuple[str, ...], sealer: Sealer) -> tuple[str, ...]:
    return tuple(sealer.seal(item) for item in items)


def _variables(variables: Pairs, sealer: Sealer) -> Pairs:
    return tuple((name, sealer.seal(value) if value else value) for name, value in variables)
