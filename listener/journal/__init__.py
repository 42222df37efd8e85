"""What outlives the process: requests from their intent to what came late, and the events told.

SQLite (WAL, synchronous=FULL) in one thread that writes and one that reads, so that the loop never
waits for a disk. Knows neither the service nor who reads.
"""

from listener.journal.erasing import Mention
from listener.journal.journal import Journal
from listener.journal.keys import key_of_folder
from listener.journal.rows import (
    NOTIFICATIONS,
    After,
    Answered,
    Event,
    Going,
    Intent,
    Left,
    Options,
    Page,
    Row,
    Settled,
    Stored,
)

__all__ = [
    "NOTIFICATIONS",
    "After",
    "Answered",
    "Event",
    "Going",
    "Intent",
    "Journal",
    "Left",
    "Mention",
    "Options",
    "Page",
    "Row",
    "Settled",
    "Stored",
    "key_of_folder",
]
