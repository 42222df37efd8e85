"""What the agents sign in with, and which of it Finesse refused.

Five refusals lock an account. So what SASL refused is not shown again until it is replaced, or
until somebody says plainly that it is to be tried once more; and what the REST API refused is
`withheld` from it. A REST 401 has other causes too (rules of evidence 2), so that SASL has the last
word: the next session shows it to SASL once, and when SASL takes it, it is used for REST again.

Keeps keyed digests of what was refused, never the words. Knows no sessions.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from listener import wiring
from listener.errors import CredentialsRefused

if TYPE_CHECKING:
    from pydantic import SecretStr

    from listener.rest import Basic, Bearer
    from listener.settings.model import Agent

MOST_AGENTS = 20_000
"""Of how many agents refusals are remembered; those refused longest ago are forgotten first."""
MOST_EACH = 8
"""How many refused passwords or tokens of one agent are remembered."""


class Keeper(Protocol):
    """Who signs in for the agents (`rest.Rest`)."""

    def set_credentials(self, agent: str, credentials: Basic | Bearer) -> None:
        """Use these for that agent from now on."""
        ...

    def forget(self, agent: str) -> None:
        """Use none."""
        ...

    def taken(self, agent: str) -> None:
        """Hear that SASL took those that are used."""
        ...


class Signing:
    """The credentials of all agents of one process. `rest` signs in with those that may be used."""

    def __init__(self, rest: Keeper) -> None:
        self.withheld: set[str] = set()
        """Agents for whom REST has no credentials to use."""
        self._rest = rest
        self._key = secrets.token_bytes(32)
        self._closed: set[str] = set()  # agents whose credentials are for nobody, SASL included
        self._shown: dict[str, bytes] = {}  # agent: what SASL was shown last
        # By agent, `casefold`ed: what was refused since SASL took any, and whether SASL refused it.
        self._refused: OrderedDict[str, dict[bytes, bool]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Signing {len(self.withheld)} withheld>"

    def use(self, agent: Agent, *, plainly: bool) -> bool:
        """Use an agent's credentials from now on; False when Finesse refused them: they wait.

        `plainly`: somebody means just these, whatever was refused before.
        """
        if plainly:
            self._refused.pop(agent.id.casefold(), None)
        self._closed.discard(agent.id)
        if self.is_refused(agent):
            self._keep_from_rest(agent.id)
            return False
        self.withheld.discard(agent.id)
        self._rest.set_credentials(agent.id, wiring.credentials(agent))
        return True

    def withhold(self, agent: str) -> None:
        """Use an agent's credentials for nothing more, until `use`: they are known to be wrong."""
        self._closed.add(agent)
        self._keep_from_rest(agent)

    def _keep_from_rest(self, agent: str) -> None:
        self.withheld.add(agent)
        self._rest.forget(agent)

    def drop(self, agent: str) -> None:
        """Hold no credentials of that agent; what was refused stays known."""
        self.withheld.discard(agent)
        self._closed.discard(agent)
        self._shown.pop(agent, None)

    def is_refused(self, agent: Agent) -> bool:
        """Say whether Finesse refused just these credentials since it took any of that agent."""
        known = self._refused.get(agent.id.casefold())
        return known is not None and self._digest(agent) in known

    def for_sasl(self, agent: Agent) -> str:
        """Return what SASL is to be shown; raises CredentialsRefused where it has refused that."""
        digest = self._digest(agent)
        self._shown.pop(agent.id, None)
        by_sasl = self._refused.get(agent.id.casefold(), {}).get(digest, False)
        if by_sasl or agent.id in self._closed:
            raise refused_words(agent.id)
        self._shown[agent.id] = digest
        return agent.xmpp_secret.get_secret_value()

    def refused_by_sasl(self, agent: str) -> None:
        """Take note that SASL refused what it was shown last."""
        if (digest := self._shown.pop(agent, None)) is not None:
            self._remember(agent, digest, by_sasl=True)

    def refused_by_rest(self, agent: Agent) -> None:
        """Take note that the REST API refused these; it has them no more."""
        self._remember(agent.id, self._digest(agent), by_sasl=False)
        self._keep_from_rest(agent.id)

    def taken(self, agent: Agent) -> bool:
        """Take note that SASL took what it was shown; say whether REST may use it again."""
        shown = self._shown.pop(agent.id, None)
        if shown is None:
            return False
        self._refused.pop(agent.id.casefold(), None)
        if shown != self._digest(agent):
            return False
        if agent.id not in self.withheld:
            self._rest.taken(agent.id)
            return False
        return self.use(agent, plainly=False)

    def _remember(self, agent: str, digest: bytes, *, by_sasl: bool) -> None:
        known = self._refused.setdefault(agent.casefold(), {})
        self._refused.move_to_end(agent.casefold())
        known[digest] = by_sasl or known.get(digest, False)
        if len(known) > MOST_EACH:
            del known[next(iter(known))]
        if len(self._refused) > MOST_AGENTS:
            self._refused.popitem(last=False)

    def _digest(self, agent: Agent) -> bytes:
        parts = (_octets(agent.password), _octets(agent.token))
        plain = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        return hashlib.blake2b(plain, key=self._key, digest_size=32).digest()


def refused_words(agent: str) -> CredentialsRefused:
    """Return the error that says whose credentials wait, and what for."""
    return CredentialsRefused(f"Finesse refused the password or token of agent {agent}; replace it")


def _octets(secret: SecretStr | None) -> bytes:
    text = secret.get_secret_value() if secret is not None else ""
    return text.encode("utf-8", "surrogatepass")
