"""UPDATE_CALL_DATA: what may be written, what is cut short, and what stays silent (guide p.87-91).

Knows the rules for call variables and wrap-up; knows nothing of transport.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from listener.simulator import refusals
from listener.simulator.profiles import MixedData
from listener.simulator.refusals import RefusedLater, Wrong

if TYPE_CHECKING:
    from collections.abc import Sequence

    from listener.simulator.calls import Call
    from listener.simulator.outbox import Cause
    from listener.simulator.switch import Switch

PLAIN = frozenset(f"callVariable{n}" for n in range(1, 11))
PLAIN_BYTES = 40
ECC_BYTES = 2000
_ECC = re.compile(r"^(?P<name>user\.[^\[\]]+)(?:\[(?P<index>\d+)\])?$")


@dataclass(frozen=True, slots=True)
class CallData:
    """What a request wants written. None: it does not speak of it."""

    variables: tuple[tuple[str, str], ...] = ()
    reason: str | None = None
    items: tuple[str, ...] | None = field(default=None)


def check_names(variables: Sequence[tuple[str, str]], *, uccx: bool) -> None:
    """Refuse at once what Finesse itself knows to be wrong. Raises RefusedNow (400)."""
    names = [name for name, _ in variables]
    if len(set(names)) != len(names):
        raise refusals.invalid("CallVariable")
    for name, value in variables:
        if name not in PLAIN and not _ECC.match(name):  # outbound (BA...) and unknown ones alike
            raise refusals.invalid(name)
        if not uccx and not value.isascii():
            raise refusals.invalid(name)


def _invalid(name: str) -> RefusedLater:
    return RefusedLater(Wrong("Invalid Input", f"Invalid value for {name}"))


def _accepted(switch: Switch, name: str, value: str) -> str | None:
    """Return the value as CTI will keep it, or None for a variable that is not configured."""
    if name in PLAIN:
        if len(value.encode()) > PLAIN_BYTES:
            raise _invalid(name)
        return value
    found = _ECC.match(name)
    ecc = switch.setting.ecc.get(found["name"]) if found else None
    if found is None or ecc is None:
        return None
    index = found["index"]
    if (index is None) != (ecc.size is None):
        raise _invalid(name)  # a scalar set as an array, or the other way round
    if index is not None and ecc.size is not None and int(index) >= ecc.size:
        raise _invalid(name)
    return value.encode()[: ecc.length].decode(errors="ignore")  # too long: truncated, no error


def _check_protected(switch: Switch, call: Call, data: CallData) -> None:
    names = {name for name, _ in data.variables}
    direct = switch.variants.protect_direct_calls and not call.routed
    if names and (direct or names & switch.variants.protected):
        raise RefusedLater(Wrong("Call Variable is protected", "Call Variable is protected"))


def accept(switch: Switch, call: Call, data: CallData) -> dict[str, str]:
    """Return what will be written. Raises RefusedLater when the whole is refused."""
    _check_protected(switch, call, data)
    kept = {name: _accepted(switch, name, value) for name, value in data.variables}
    good = {name: value for name, value in kept.items() if value is not None}
    mixed = 0 < len(good) < len(kept)
    if mixed and switch.dice.pick(switch.variants.mixed_data, tuple(MixedData)) is MixedData.ERROR:
        raise _invalid(next(name for name, value in kept.items() if value is None))
    ecc = {n: v for n, v in {**call.variables, **good}.items() if n not in PLAIN}
    if sum(len(n.encode()) + len(v.encode()) for n, v in ecc.items()) > ECC_BYTES:
        raise _invalid("CallVariable")
    return good


async def update(switch: Switch, cause: Cause, call: Call, data: CallData) -> None:
    """Write call data; an event comes only when a value changed. Raises RefusedLater."""
    await switch.pause()
    if call.over:
        raise refusals.cti("CF_INVALID_CSTA_CALL_IDENTIFIER", 11)
    good = accept(switch, call, data)
    missed = sorted({name for name, _ in data.variables} - good.keys())
    before = (dict(call.variables), call.wrap_up_reason, call.wrap_up_items)
    call.variables.update(good)
    if data.reason is not None:
        call.wrap_up_reason = data.reason
    if data.items is not None:
        call.wrap_up_items = data.items
    if missed:
        switch.failed(cause, f"not set: {' '.join(missed)}")  # and nobody is told (guide p.90)
    else:
        switch.done(cause)
    if before != (call.variables, call.wrap_up_reason, call.wrap_up_items):
        switch.put(call, cause)
