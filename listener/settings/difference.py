"""What differs between two settings: which agents come, go or change, and what needs a restart.

Pure: compares values; applies nothing. Shows no secret, only that one is another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from listener.settings.basis import Section
    from listener.settings.model import Agent, Settings

_EFFECTIVE = ("password", "token", "extension", "connect", "subscriptions")
# Not where a secret came from: another file with the same password changes nothing.
_CREDENTIALS = frozenset({"password", "token"})
_RELOADED = frozenset({"agents", "defaults"})  # defaults act through the agents alone
_READ_ANEW = frozenset({"finesse.ca_file"})  # at each reload, whether it is another file or not


@dataclass(frozen=True, slots=True)
class AgentChange:
    """An agent that is in both settings and not the same; `keys` names what differs, sorted."""

    agent: Agent
    keys: tuple[str, ...]

    @property
    def credentials_only(self) -> bool:
        """Whether a session that is up can stay: nothing but the password or token changed."""
        return _CREDENTIALS.issuperset(self.keys)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reload has to do, each in the order of the settings.

    `added` and `changed` hold agents as they are now, `removed` as they were. `restart_needed`
    names the keys ("api.listen") whose new values only a restart takes up.
    """

    added: tuple[Agent, ...] = ()
    removed: tuple[Agent, ...] = ()
    changed: tuple[AgentChange, ...] = ()
    restart_needed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.restart_needed)


def changes(old: Settings, new: Settings) -> Changes:
    """Return what is to be done to get from `old` to `new`."""
    before = {agent.id: agent for agent in old.agents}
    after = {agent.id: agent for agent in new.agents}
    both = (
        (agent, _differing(before[id_], agent)) for id_, agent in after.items() if id_ in before
    )
    return Changes(
        added=tuple(agent for id_, agent in after.items() if id_ not in before),
        removed=tuple(agent for id_, agent in before.items() if id_ not in after),
        changed=tuple(AgentChange(agent, keys) for agent, keys in both if keys),
        restart_needed=tuple(_elsewhere(old, new)),
    )


def _differing(one: Agent, other: Agent) -> tuple[str, ...]:
    return tuple(sorted(key for key in _EFFECTIVE if getattr(one, key) != getattr(other, key)))


def _elsewhere(old: Settings, new: Settings) -> Iterator[str]:
    for name in type(old).model_fields:
        if name not in _RELOADED:
            one: Section = getattr(old, name)
            other: Section = getattr(new, name)
            for key in type(one).model_fields:
                named = f"{name}.{key}"
                if named not in _READ_ANEW and getattr(one, key) != getattr(other, key):
                    yield named
