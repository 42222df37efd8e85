"""One request as the diagnosis looks at it: how things stood, when; who else was at work.

Pure. Answers questions of the rules; draws no conclusions of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from listener.story.facts import Asked, Facts, Told, dialogs_of, seconds
from listener.story.steps import Kind, Step, Tag
from listener.story.veil import Veil, clean

_ANSWERED = frozenset({"failed", "rejected"})
_OF_STATE = frozenset(
    {
        "INVALID STATE",
        "CF_ARBITRARY_CONF_OR_XFER_NOT_SUPPORTED",
        "CF_GENERIC_OPERATION",
        "CF_GENERIC_OPERATION_REJECTION",
        "CF_GENERIC_STATE_INCOMPATIBILITY",
        "CF_GENERIC_UNSPECIFIED",
        "CF_GENERIC_UNSPECIFIED_REJECTION",
        "CF_INVALID_CONNECTION_ID_FOR_ACTIVE_CALL",
        "CF_INVALID_OBJECT_STATE",
        "CF_NO_ACTIVE_CALL",
        "CF_NO_CALL_TO_COMPLETE",
        "CF_NO_HELD_CALL",
        "CF_REQUEST_INCOMPATIBLE_WITH_OBJECT",
        "PERERR_GW_E_THREADSENDDTMF_EXCEPTION_GENERATEDTMF",
    }
)
"""Constants that say that the call's state ruled it out, or say nothing (docs/errors.md)."""
_STATE_STATUS = frozenset({400, 401})


@dataclass(frozen=True, slots=True)
class Finding:
    """A known cause: what it is, what was seen of it, and what to do.

    `rule`: its short name, for programs. `steps`: the steps (from 1) that show it. `request`: our
    id of the request that it is about.
    """

    rule: str
    cause: str
    saw: str
    advice: str
    steps: tuple[int, ...] = ()
    request: str | None = None


class Stood(NamedTuple):
    """A participant's state, since when as far as known, and the step that told (from 1)."""

    address: str | None
    state: str
    since: float | None
    step: int | None


class Case:
    """A request with the story around it."""

    def __init__(self, asked: Asked, facts: Facts, steps: tuple[Step, ...], veil: Veil) -> None:
        self.asked = asked
        self.facts = facts
        self.steps = steps
        self.veil = veil
        self.dialogs = dialogs_of(asked)

    def finding(self, rule: str, cause: str, saw: str, advice: str, *steps: int | None) -> Finding:
        """Return a finding about this request; `steps` that are None are none."""
        shown = tuple(n for n in steps if n is not None)
        return Finding(rule, cause, saw, advice, shown, self.asked.key)

    def named(self, other: Asked) -> str:
        """Return another request in words."""
        on = f" on dialog {clean(other.dialog)}" if other.dialog else ""
        word = "asked" if other.stayed else "sent"
        return f"{other.action}{on} ({word} {self.when(other.began)})"

    @property
    def turn(self) -> int | None:
        """The step (from 1) that tells of its turn; None where none does."""
        mine = (Kind.TURN, self.asked.key)
        places = (n for n, step in enumerate(self.steps, 1) if (step.kind, step.key) == mine)
        return next(places, None)

    # -- times --------------------------------------------------------------------------------

    @property
    def end(self) -> float:
        """Until when it was open, as far as known."""
        if self.asked.settled is not None:
            return self.asked.settled
        known = [self.facts.end, *(step.at for step in self.steps[-1:])]
        return max((each for each in known if each is not None), default=self.asked.submitted)

    @property
    def deadline(self) -> float | None:
        """When its time was over."""
        if self.asked.deadline is None:
            return self.asked.settled if self.asked.reason == "deadline" else None
        begin = self.asked.answered if self.asked.answered is not None else self.asked.submitted
        return begin + self.asked.deadline

    def when(self, at: float | None) -> str:
        """Return a time in words, from the sending, or where it has not left from the asking."""
        if at is None:
            return "at a time not known"
        begin = "submission" if self.asked.sent is None else "sending"
        apart = at - self.asked.began
        if abs(apart) < 0.005:  # noqa: PLR2004  what would read 0.00
            return f"at its {begin}"
        return f"{abs(apart):.2f} s {'before' if apart < 0 else 'after'} its {begin}"

    # -- what was said ------------------------------------------------------------------------

    def errors(self) -> list[Told]:
        """Return the errors that the request got, without repeats."""
        outcome = self.asked.outcome or {}
        found: list[Told] = []
        for each in (
            *(outcome.get("errors") or ()),
            *((self.asked.answer or {}).get("errors") or ()),
        ):
            if not any(_same(each, other) for other in found):
                found.append(each)
        return found

    @property
    def answered(self) -> bool:
        """Whether Finesse said no, or nothing was sent: what was not heard does not matter then."""
        return self.asked.kind in _ANSWERED

    def refused_otherwise(self, *fits: str) -> bool:
        """Say whether its refusal names another cause than the state of the call.

        `fits`: constants that name no other cause either.
        """
        if not self.answered:
            return False
        status = (self.asked.outcome or {}).get("status")
        if self.asked.kind == "rejected" and status not in _STATE_STATUS:
            return True
        errors = self.errors()
        if not errors:
            outcome = self.asked.outcome or {}
            return bool(outcome.get("stateCause") or outcome.get("missing"))
        names = {str(each.get("constant") or "").upper() for each in errors}
        return not names & (_OF_STATE | {"", *fits})

    def names(self, *words: str) -> bool:
        """Say whether an error of it names one of those constants or types."""
        wanted = {word.lower() for word in words}
        keys = ("constant", "errorType", "errorMessage", "errorData")
        return any(
            str(error.get(key) or "").lower() in wanted for error in self.errors() for key in keys
        )

    def warned(self, *codes: str) -> bool:
        """Say whether it was sent with one of those warnings."""
        warnings = (self.asked.outcome or {}).get("warnings") or ()
        return any(each.get("code") in codes for each in warnings)

    def noted(self, *what: str) -> list[Told]:
        """Return what was noted on it under those words."""
        seen = (self.asked.outcome or {}).get("seen") or ()
        return [each for each in seen if each.get("what") in what]

    # -- how things stood -----------------------------------------------------------------------

    def own_state(self, at: float) -> Stood | None:
        """Return the own participant's state on the request's dialog at a time."""
        return next(
            (s for s in self.states(self.asked.dialog, at) if s.address == self.asked.own), None
        ) or next(
            (
                Stood(move.address, move.after, step.at, place)
                for place, step in self._backwards(at)
                if step.dialog == self.asked.dialog
                for move in step.moves
                if move.own and move.address is not None
            ),
            None,
        )

    def states(self, dialog: str | None, at: float) -> list[Stood]:
        """Return how the participants of a dialog stood at a time."""
        found: dict[str | None, Stood] = {}
        for place, step in self._backwards(at):
            if step.dialog != dialog:
                continue
            for move in step.moves:
                if move.address is not None and move.address not in found:
                    found[move.address] = Stood(move.address, move.after, step.at, place)
        for known in self.asked.before:
            if known.get("id") != dialog:
                continue
            for party in known.get("participants") or ():
                address, state = party.get("mediaAddress"), party.get("state")
                if state and address not in found:
                    since = seconds(party.get("stateChangeTime"))
                    found[address] = Stood(address, str(state), since, None)
        return list(found.values())

    def _backwards(self, at: float) -> Iterator[tuple[int, Step]]:
        for place in range(len(self.steps) - 1, -1, -1):
            step = self.steps[place]
            if step.at > at:
                continue
            if step.kind is Kind.LINK_DOWN and step.agent == self.asked.agent:
                return  # what was told before may not be so any more
            yield place + 1, step

    # -- what was heard ---------------------------------------------------------------------------

    def heard(self, since: float, until: float) -> Iterator[tuple[int, Step]]:
        """Yield the notifications of the agent, with their places (from 1)."""
        for place, step in enumerate(self.steps, 1):
            if step.kind not in {Kind.HEARD, Kind.ERROR} or not since <= step.at <= until:
                continue
            if step.agent == self.asked.agent:
                yield place, step

    def about(self, step: Step) -> bool:
        """Say whether a notification is about an object of the request."""
        if self.asked.dialog is None and not self.dialogs:
            return step.agent == self.asked.agent
        return step.dialog in self.dialogs

    @property
    def tags_here(self) -> bool:
        """Whether any notification of this story carries a requestId."""
        heard = (Kind.HEARD, Kind.ERROR)
        return any(step.tag is not Tag.NONE for step in self.steps if step.kind in heard)


def _same(one: Told, other: Told) -> bool:
    keys = ("errorType", "errorData", "errorMessage", "peripheralErrorText")
    return all((one.get(key) or "") == (other.get(key) or "") for key in keys)
