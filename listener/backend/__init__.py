"""What the local API stands on: requests, agents, and the daemon as a whole. Knows no HTTP."""

from listener.backend.backend import Backend

__all__ = ["Backend"]
