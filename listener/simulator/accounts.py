"""Who may ask: Basic authentication, and the lock after five wrong passwords.

Knows ids and passwords; never puts either into a message.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

from listener.simulator import refusals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from listener.simulator.users import AgentSpec

WRONG_ONES = 5
LOCKED_FOR = 300.0


class Accounts:
    """Checks passwords; five wrong ones in a row lock the account for five minutes."""

    def __init__(self, agents: Mapping[str, AgentSpec], clock: Callable[[], float]) -> None:
        self._agents = agents
        self._clock = clock
        self._wrong: dict[str, int] = {}
        self._locked_until: dict[str, float] = {}

    def locked(self, user: str) -> bool:
        """Whether the account refuses even the right password now."""
        return self._locked_until.get(user, float("-inf")) > self._clock()

    def check(self, user: str, password: str) -> bool:
        """Say whether that is the password of that user; counts the wrong ones."""
        spec = self._agents.get(user)
        if spec is None or self.locked(user):
            return False
        if hmac.compare_digest(spec.password.encode(), password.encode()):
            self._wrong.pop(user, None)
            return True
        self._wrong[user] = self._wrong.get(user, 0) + 1
        if self._wrong[user] >= WRONG_ONES:
            self._locked_until[user] = self._clock() + LOCKED_FOR
            del self._wrong[user]
        return False

    def user(self, authorization: str | None) -> str:
        """Return the user of an Authorization header. Raises RefusedNow (401)."""
        scheme, _, token = (authorization or "").partition(" ")
        try:
            user, _, password = base64.b64decode(token, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, password = "", ""
        if scheme.lower() != "basic" or not self.check(user, password):
            raise refusals.now(401, "Authorization Failure", "The user is not authorized")
        return user
