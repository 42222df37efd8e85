"""The local HTTP API: requests, expectations, events, agents, health (docs/api.md)."""
