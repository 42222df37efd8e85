"""What is told about a request when it is registered. A value; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from listener.correlation.outcome import MinimumEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What `register` needs beside the request.

    `key` is ours and unique, `request_id` goes on the wire. `own` is the acting extension.
    `length`: the deadline in seconds, the action's default when None. `expected`: the caller sends.
    `allow_repeat`: take a requestId that is live already; it is then tracked apart, ambiguous for
    both. `ungated`: it is never held back, only warned, and holds the device for others (the
    drop-in, rules 9).
    """

    key: str
    request_id: str
    own: str | None
    length: float | None = None
    minimum: MinimumEvidence = MinimumEvidence.ANY
    expected: bool = False
    allow_repeat: bool = False
    ungated: bool = False
