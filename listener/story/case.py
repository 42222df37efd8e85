"""One request as the diagnosis looks at it: how things stood, when; who else was at work.

Pure. Answers questions of the rules; draws no conclusions of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from listener.finesse import uris
from listener.story.facts import Asked, Facts, Told, dialogs_of, seconds
from listener.story.steps import Kind, Step, Tag
from listener.story.veil import Veil, clean

_INSTANT = 0.002  # seconds


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


class Gap(NamedTuple):
    """A time in which an agent's events may have been lost; `until` None: it went on."""

    since: float
    until: float | None
    cause: str | None = None
    step: int | None = None


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
        return f"{other.action}{on} (sent {self.when(other.began)})"

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
        """Return a time in words, from the sending."""
        if at is None:
            return "at a time not known"
        apart = at - self.asked.began
        if abs(apart) < 0.005:  # noqa: PLR2004  what would read 0.00
            return "at its sending"
        return f"{abs(apart):.2f} s {'before' if apart < 0 else 'after'} its sending"

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

    def late_errors(self) -> list[Told]:
        """Return the errors that came after its outcome."""
        return [
            error
            for late in self.asked.told.get("late") or ()
            if late.get("kind") == "error"
            for error in late.get("errors") or ()
        ]

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

    def consult(self, at: float) -> str | None:
        """Return the consult call that belongs to the request's dialog, open at that time."""
        found: dict[str, bool] = {}
        for known in self.asked.before:
            if self._is_consult(known):
                found[str(known.get("id"))] = True
        for step in self.steps:
            if step.at > at or step.shown is None or step.dialog is None:
                continue
            if step.change == "removed":
                found.pop(step.dialog, None)
            elif step.agent == self.asked.agent and self._is_consult(step.shown):
                found[step.dialog] = True
        return next((id_ for id_ in reversed(found) if id_ != self.asked.dialog), None)

    def _is_consult(self, dialog: Told) -> bool:
        media = dialog.get("mediaProperties") or {}
        of = uris.dialog_id(dialog.get("associatedDialogUri"))
        return media.get("callType") == "CONSULT" or (of is not None and of == self.asked.dialog)

    def _backwards(self, at: float) -> Iterator[tuple[int, Step]]:
        for place in range(len(self.steps) - 1, -1, -1):
            if self.steps[place].at <= at:
                yield place + 1, self.steps[place]

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

    def gaps(self) -> list[Gap]:
        """Return the times in which the agent's events may have been lost while it was open."""
        outcome = self.asked.outcome or {}
        found = []
        for gap in (outcome.get("window") or {}).get("gaps") or ():
            since, until = self._moment(gap.get("from")), self._moment(gap.get("until"))
            if since is not None:
                found.append(Gap(since, until))
        return found or self._gaps_heard()

    def deaf_at_sending(self, gap: Gap) -> bool:
        """Say whether nobody was listening already when the request went out."""
        if gap.since > self.asked.began + _INSTANT:
            return False
        # A link that was lost in the same moment was there before.
        return not any(
            step.kind is Kind.LINK_DOWN
            and step.agent == self.asked.agent
            and self.asked.began - _INSTANT < step.at <= gap.since + _INSTANT
            for step in self.steps
        )

    def _moment(self, given: object) -> float | None:
        if isinstance(given, int | float):
            return self.asked.submitted + float(given)
        return seconds(given)

    def _gaps_heard(self) -> list[Gap]:
        found: list[Gap] = []
        down: Gap | None = None
        for place, step in enumerate(self.steps, 1):
            if step.agent != self.asked.agent:
                continue
            if step.kind is Kind.LINK_DOWN and down is None:
                down = Gap(step.at, None, None, place)
            elif step.kind is Kind.LINK_UP and down is not None:
                found.append(down._replace(until=step.at))
                down = None
        found += [down] if down is not None else []
        begin = self.asked.submitted
        return [g for g in found if g.since <= self.end and (g.until is None or g.until >= begin)]

    def others(self) -> list[Asked]:
        """Return other requests of the same device that were open while this one was."""
        mine = self.asked
        return [
            other
            for other in self.facts.requests
            if other.key != mine.key
            and other.agent == mine.agent
            and (other.own is None or mine.own is None or other.own == mine.own)
            and other.sent is not None
            and other.sent < self.end
            and (other.settled is None or other.settled > mine.submitted)
        ]

    @property
    def tags_here(self) -> bool:
        """Whether any notification of this story carries a requestId."""
        return any(step.tag is not Tag.NONE for step in self.steps if step.kind is Kind.HEARD)


def _same(one: Told, other: Told) -> bool:
    keys = ("errorType", "errorData", "errorMessage", "peripheralErrorText")
    return all((one.get(key) or "") == (other.get(key) or "") for key in keys)
