"""The settings as typed, frozen values: every section, every key, its default and its limits.

Knows what is possible; knows neither files nor the environment (`layers`, `secrets` do), and never
shows a password: secrets are SecretStr, and no error repeats a value that was given.
"""
# No `from __future__ import annotations`: pydantic reads the annotations when the classes are made.

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from listener.correlation.outcome import MinimumEvidence
from listener.errors import ConfigurationError
from listener.finesse.actions.table import ACTIONS, no_action
from listener.settings.basis import Seconds, Section, looking_like
from listener.settings.nodes import Endpoint, Finesse, Node, Presence, Security
from listener.settings.recording import Recording
from listener.settings.serving import (
    Api,
    Dropin,
    Journal,
    Notifications,
    ReadyWhen,
    clashes,
)

__all__ = [
    "Agent",
    "Api",
    "Connect",
    "Defaults",
    "Dropin",
    "Endpoint",
    "Finesse",
    "GatePolicy",
    "Journal",
    "Logs",
    "Node",
    "Notifications",
    "Presence",
    "ReadyWhen",
    "Recording",
    "Requests",
    "Security",
    "Settings",
    "Timings",
    "problem_with_id",
]

Subscription = Annotated[
    str,
    looking_like(
        r"/finesse/api/[^\s\x00-\x1f]+", "write a node, such as /finesse/api/Team/5/Users"
    ),
]
ActionName = Annotated[
    str, looking_like(r"[A-Z][A-Z_]*", "write an action in capital letters, such as MAKE_CALL")
]
EXTENSION = r"\+?[0-9*#]{1,32}"
Extension = Annotated[
    str, looking_like(EXTENSION, "write the number of a phone: digits, *, #, and + in front")
]

# RFC 7622 forbids these in the local part of a JID; ":" would also end the user in HTTP Basic.
_FORBIDDEN_IN_ID = re.compile(r"[\s\x00-\x1f\x7f\"&'/\\:<>@]")


class Connect(StrEnum):
    """When an agent's session is held."""

    ALWAYS = "always"
    WHILE_SIGNED_IN = "while_signed_in"


class GatePolicy(StrEnum):
    """What happens to a second call-control request on a busy device."""

    QUEUE = "queue"
    REFUSE = "refuse"
    OFF = "off"


class Defaults(Section):
    """[defaults]: what holds for every agent that does not say otherwise."""

    connect: Connect = Connect.ALWAYS
    subscriptions: tuple[Subscription, ...] = ()
    password_dir: Path | None = None


class Agent(Section):
    """One of [[agents]], its secrets read.

    `password` signs in to XMPP and REST. A `token` (single sign-on) is sent to REST as Bearer
    instead of it, and is also the XMPP password where there is none.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    id: Annotated[str, Field(min_length=1, max_length=64)]
    password: SecretStr | None = None
    token: SecretStr | None = None
    password_file: Path | None = None
    password_env: str | None = None
    token_file: Path | None = None
    extension: Extension | None = None
    connect: Connect = Connect.ALWAYS
    subscriptions: tuple[Subscription, ...] = ()

    @field_validator("id")
    @classmethod
    def _id_is_plain(cls, given: str) -> str:
        if problem := problem_with_id(given):
            raise ValueError(problem)
        return given

    @property
    def xmpp_secret(self) -> SecretStr:
        """What goes into SASL PLAIN: the password, else the token."""
        secret = self.password or self.token
        if secret is None:
            raise ConfigurationError(f"agent {self.id} has neither a password nor a token")
        return secret


def problem_with_id(given: str) -> str | None:
    """Say what makes an agent id impossible, or None."""
    if found := _FORBIDDEN_IN_ID.search(given):
        return f"an agent id cannot contain {found[0]!r}; write the id alone, without domain"
    if given in {".", ".."}:
        return "an agent id cannot be a name for a folder"
    return None


class Requests(Section):
    """[requests]: how long is waited, what counts, and how much may be open."""

    deadline: Seconds | None = None
    deadlines: dict[ActionName, Seconds] = Field(default_factory=dict)
    minimum_evidence: MinimumEvidence = MinimumEvidence.ANY
    gate: GatePolicy = GatePolicy.QUEUE
    max_pending: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    max_pending_per_agent: Annotated[int, Field(ge=1, le=10_000)] = 100
    tombstone_minutes: Annotated[float, Field(ge=0, le=1440, allow_inf_nan=False)] = 15.0

    @field_validator("deadlines")
    @classmethod
    def _actions_exist(cls, given: dict[str, float]) -> dict[str, float]:
        for action in sorted(given.keys() - ACTIONS.keys()):
            raise ValueError(no_action(action))
        return given


class Timings(Section):
    """[timings]: seconds. Finesse expects a ping every 20 s (Cisco, third-party clients).

    A link that died silently is found out after the two of them together at most.
    """

    ping_interval: Annotated[float, Field(ge=0.1, le=20)] = 10.0
    ping_timeout: Annotated[float, Field(ge=0.1, le=20)] = 5.0
    connect_deadline: Seconds = 10.0
    rest_wait: Seconds = 3.0
    rest_connect: Seconds = 3.0
    rest_answer: Seconds = 8.0
    rest_total: Seconds = 15.0
    drain: Annotated[float, Field(ge=0, le=60)] = 10.0


class Logs(Section):
    """[logs]: what is written to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["auto", "json", "console"] = "auto"
    show_numbers: bool = False
    wire: bool = False

    @field_validator("level", mode="before")
    @classmethod
    def _any_case(cls, given: Any) -> Any:
        return given.upper() if isinstance(given, str) else given


class Settings(BaseSettings):
    """Everything that can be set. Built by `load`, or by hand in a program with its own file."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix="LISTENER_",
        env_nested_delimiter="__",
    )

    finesse: Finesse
    agents: tuple[Agent, ...] = ()
    defaults: Defaults = Field(default_factory=Defaults)
    requests: Requests = Field(default_factory=Requests)
    timings: Timings = Field(default_factory=Timings)
    logs: Logs = Field(default_factory=Logs)
    api: Api = Field(default_factory=Api)
    journal: Journal = Field(default_factory=Journal)
    dropin: Dropin = Field(default_factory=Dropin)
    recording: Recording = Field(default_factory=Recording)

    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what is given: `load` alone reads the file and the environment."""
        return (init_settings,)

    @field_validator("agents")
    @classmethod
    def _agents_are_distinct(cls, given: tuple[Agent, ...]) -> tuple[Agent, ...]:
        seen: set[str] = set()
        for agent in given:
            # JIDs compare without case, so two spellings would be one session.
            if agent.id.casefold() in seen:
                raise ValueError(f"agent {agent.id} is there twice; each agent has one entry")
            seen.add(agent.id.casefold())
        return given

    @model_validator(mode="after")
    def _callers_find_their_ways(self) -> Self:
        if found := tuple(clashes(self.api, self.dropin)):
            raise ValueError("; ".join(found))
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about what works and should not stay so, such as readable secret files."""
        return self._warnings

    def with_warnings(self, *more: str) -> "Settings":
        """Return the same settings with these warnings added."""
        copy = self.model_copy()
        copy._warnings = (*self._warnings, *more)  # noqa: SLF001  our own class
        return copy

    def agent(self, agent_id: str) -> Agent:
        """Return that agent; ConfigurationError names those that there are."""
        for agent in self.agents:
            if agent.id == agent_id:
                return agent
        known = ", ".join(sorted(a.id for a in self.agents)[:10])
        raise ConfigurationError(f"agent {agent_id} is not configured; configured are: {known}")

    def only(self, agent_id: str) -> "Settings":
        """Return settings with that agent alone."""
        return self.model_copy(update={"agents": (self.agent(agent_id),)})
