"""What truly befell the requests, events and calls of a story: counted by kind, for its tables.

Read from the account when the story is over, not from what was drawn: a fault that met nothing is
none. Judges nothing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.oracle.account import Account, Parcel


def dealt(account: Account, begun: float) -> Counter[str]:
    """Count faults of requests and events by name, and events by whose they are and their id."""
    counts: Counter[str] = Counter()
    for deed in account.deeds:
        counts.update(deed.faults)
        counts["requests of the desktop"] += deed.client == "desktop"
    counts.update(_kind(parcel) for parcel in account.parcels if parcel.made >= begun)
    return counts


def _kind(parcel: Parcel) -> str:
    if parcel.cause is None:
        return "events of phone, far end or switch"
    if parcel.cause.client == "desktop":
        return f"news of the desktop's {'without id' if parcel.tag is None else 'with its id'}"
    noun = "errors" if parcel.is_error else "events"
    return f"{noun} {'without id' if parcel.tag is None else 'with id'}"
