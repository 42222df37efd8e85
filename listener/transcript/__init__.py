"""Transcripts: what happened, line by line, in a file that can be read, told and replayed.

    for line in read(Path("today.jsonl")): ...          typed entries, in their order
    for result in Replay().run(read(path)): ...         the very same core over them

Written by `Recorder`, beside a service, without holding it up. Names, numbers and call data are
masked so that a replay comes to the same outcomes; DTMF digits and credentials are never in it.
"""

from listener.transcript.entries import FORMAT, Entry, Header, Line, Way
from listener.transcript.reading import Trouble, read, size_of
from listener.transcript.recorder import Recorder, Where, recorder_for
from listener.transcript.replaying import Replay, Result, Word
from listener.transcript.writer import Head, Options

__all__ = [
    "FORMAT",
    "Entry",
    "Head",
    "Header",
    "Line",
    "Options",
    "Recorder",
    "Replay",
    "Result",
    "Trouble",
    "Way",
    "Where",
    "Word",
    "read",
    "recorder_for",
    "size_of",
]
