"""What an operator's tools talk to: systemd, Prometheus, the limit of open files.

Knows their words; decides nothing about requests or sessions. `daemon` puts it together.
"""
