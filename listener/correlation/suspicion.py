"""Untagged errors only suspect (rules of evidence 5). One record per error that nobody signed.

Knows whom it suspects and whether one of them may be named; the correlator keeps the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from listener.finesse.events import RequestFailed

SETTLES_AFTER = 2.0  # seconds in which the suspect's own proof may still come


@dataclass(slots=True, eq=False)
class Suspicion:
    """An error and the keys of the requests that it may belong to.

    `unsure`: those of them at whose object another client was at work: it may be theirs, and it
    names none of them. `barred`: somebody else may own it too (a settled request, a suspect whose
    deadline passed), so nobody is sole any more. `undisturbed`: those of them at whose object
    nobody else was seen at work in the seconds after it: what is done there later is no doubt.
    `known`: the same error had been told before, and this may be that one, published again.
    """

    error: RequestFailed
    at: float
    suspects: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    barred: bool = False
    known: bool = False
    undisturbed: set[str] = field(default_factory=set)

    @property
    def sole(self) -> str | None:
        """The one request that it fits, or None."""
        alone = len(self.suspects) == 1 and not (self.unsure or self.barred)
        return next(iter(self.suspects)) if alone else None

    def leave(self, key: str, *, explained: bool) -> None:
        """Take a request off; unless it is `explained` the error may still have been its own."""
        self.suspects.discard(key)
        self.unsure.discard(key)
        self.barred = self.barred or not explained
