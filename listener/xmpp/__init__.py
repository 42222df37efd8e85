"""The notification side of Finesse: one XMPP session per agent, and what keeps it alive.

Knows stanzas, TLS and when to try again. Must not know what a payload means or who waits for it.
"""
