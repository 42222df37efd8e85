"""A Finesse to develop and test against: REST, notification service, a switch that makes calls.

Knows what the real one does in public; knows nothing of how the listener judges it.
"""
