"""What an event changed: states of participants, of agents, call data; told in words.

Pure, and remembers the dialogs that it was shown. Knows nothing of requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from listener.story.facts import Told
from listener.story.steps import Move
from listener.story.veil import Veil, clean

MOST_DIALOGS = 500
_VARIABLES_TOLD = 12


class Changed(NamedTuple):
    """What one event changed."""

    title: str
    lines: tuple[str, ...]
    moves: tuple[Move, ...]
    data: bool = False


class Changes:
    """Compares each event with what was known before. `owns`: extensions of the story's agents."""

    def __init__(self, owns: frozenset[str], veil: Veil) -> None:
        self._owns = owns
        self._veil = veil
        self._dialogs: dict[str, dict[str, str | None]] = {}
        self._data: dict[str, dict[str, str | None]] = {}
        self._users: dict[str | None, str | None] = {}

    def remember(self, dialog: Told) -> None:
        """Take in a dialog as it was before, unless more is known of it."""
        if (id_ := dialog.get("id")) and id_ not in self._dialogs:
            self._keep(str(id_), dialog)

    def of_dialog(self, id_: str | None, dialog: Told, change: str, agent: str | None) -> Changed:
        """Return what an event about a dialog says that was not known."""
        name = id_ or str(dialog.get("id") or "?")
        known = self._dialogs.get(name)
        moves = tuple(self._moves(dialog, known or {}))
        data = tuple(self._variables(name, dialog))
        self._keep(name, dialog)
        title = f"dialog {clean(name)} {self._verb(change, moves, dialog)}"
        parties = [
            f"{'own device ' if move.own else ''}{self._veil.number(move.address)}"
            f" {clean(move.before) + ' -> ' if move.before else ''}{clean(move.after)}"
            for move in moves
        ]
        lines = [f"heard for agent {clean(agent)}"] if agent else []
        if change == "added" or known is None:
            sort = (dialog.get("mediaProperties") or {}).get("callType")
            ends = (
                self._veil.number(dialog.get("fromAddress")),
                self._veil.number(dialog.get("toAddress")),
            )
            lines.append(f"{ends[0]} -> {ends[1]}{f', {clean(sort)}' if sort else ''}")
        if dialog.get("secondaryId"):
            lines.append(f"secondaryId {clean(dialog['secondaryId'])}")
        return Changed(title, (*lines, *parties, *data), moves, bool(data))

    def _verb(self, change: str, moves: tuple[Move, ...], dialog: Told) -> str:
        own = next((move for move in moves if move.own), None)
        if change == "removed":
            return "removed"
        if own is not None:
            return f"{'added: ' if change == 'added' else ''}own device {clean(own.after)}"
        state = clean(dialog.get("state") or "without a state")
        if change == "added":
            return f"added: {state}"
        if moves:
            return f"{self._veil.number(moves[0].address)} {clean(moves[0].after)}"
        return f"changed ({state}, no participant's state)"

    def _moves(self, dialog: Told, known: dict[str, str | None]) -> Iterator[Move]:
        for party in dialog.get("participants") or ():
            address, state = party.get("mediaAddress"), party.get("state")
            before = known.get(str(address))
            if state and state != before:
                yield Move(address, before, str(state), own=address in self._owns)

    def _variables(self, name: str, dialog: Told) -> Iterator[str]:
        now = _variables_of(dialog)
        before = self._data.get(name)
        if before is None:
            return
        new = [each for each in now if now[each] != before.get(each, "")]
        for each in new[:_VARIABLES_TOLD]:
            yield f"call data {clean(each)}: {self._veil.data(now[each])}"
        if len(new) > _VARIABLES_TOLD:
            yield f"and {len(new) - _VARIABLES_TOLD} more call variables"

    def _keep(self, name: str, dialog: Told) -> None:
        if len(self._dialogs) >= MOST_DIALOGS:
            self._dialogs.pop(next(iter(self._dialogs)))
            self._data.pop(next(iter(self._data)), None)
        states = self._dialogs.setdefault(name, {})
        for party in dialog.get("participants") or ():
            if party.get("state"):
                states[str(party.get("mediaAddress"))] = party["state"]
        self._data[name] = _variables_of(dialog)

    def of_user(self, agent: str | None, user: Told) -> Changed:
        """Return what an event about an agent says that was not known."""
        state = user.get("state")
        before = self._users.get(agent)
        self._users[agent] = state
        pending = f", then {clean(user['pendingState'])}" if user.get("pendingState") else ""
        came = f" (was {clean(before)})" if before and before != state else ""
        title = f"agent {clean(agent)} is {clean(state or 'without a state')}{pending}{came}"
        moved = bool(state) and state != before
        return Changed(title, (), (Move(None, before, str(state), own=True),) if moved else ())


def _variables_of(dialog: Told) -> dict[str, str | None]:
    media = dialog.get("mediaProperties") or {}
    found = dict(media.get("callvariables") or {})
    if media.get("wrapUpReason"):
        found["wrapUpReason"] = media["wrapUpReason"]
    return found
