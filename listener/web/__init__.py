"""Serving HTTP on sockets of our own: limits, callers, tokens. Knows no resource."""
