"""Settings: a TOML file, the environment and secret files -> one frozen, typed value.

    settings = load(Path("listener.toml"))
    settings.finesse.endpoints[0].rest_url      "https://finesse1.example.com:8445"
    settings.agents[0].xmpp_secret              SecretStr('**********')

The only part of the program that reads the environment. Raises ConfigurationError alone.
"""

from listener.settings.difference import AgentChange, Changes, changes
from listener.settings.layers import load
from listener.settings.model import (
    Agent,
    Api,
    Connect,
    Defaults,
    Dropin,
    Endpoint,
    Finesse,
    GatePolicy,
    Journal,
    Logs,
    Node,
    Notifications,
    Presence,
    ReadyWhen,
    Recording,
    Requests,
    Security,
    Settings,
    Timings,
)
from listener.settings.places import client_journal, client_socket

__all__ = [
    "Agent",
    "AgentChange",
    "Api",
    "Changes",
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
    "changes",
    "client_journal",
    "client_socket",
    "load",
]
