"""Settings: a TOML file, the environment and secret files -> one frozen, typed value.

    settings = load(Path("listener.toml"))
    settings.finesse.endpoints[0].rest_url      "https://finesse1.example.com:8445"
    settings.agents[0].xmpp_secret              SecretStr('**********')

The only part of the program that reads the environment. Raises ConfigurationError alone.
"""

from listener.settings.layers import load
from listener.settings.model import (
    Agent,
    Connect,
    Defaults,
    Endpoint,
    Finesse,
    GatePolicy,
    Logs,
    Node,
    Requests,
    Security,
    Settings,
    Timings,
)

__all__ = [
    "Agent",
    "Connect",
    "Defaults",
    "Endpoint",
    "Finesse",
    "GatePolicy",
    "Logs",
    "Node",
    "Requests",
    "Security",
    "Settings",
    "Timings",
    "load",
]
