"""[recording]: a transcript of all that happens, beside the daemon. Off without a path."""
# No `from __future__ import annotations`: pydantic reads the annotations when the classes are made.

from typing import Annotated

from pydantic import Field

from listener.settings.basis import Section
from listener.settings.serving import File


class Recording(Section):
    """[recording]: where the transcript goes, and how much of it is kept.

    `path` is the file that grows; a full part of it becomes path.N. `max_megabytes` is for all
    parts together, the oldest go first. `show_numbers` writes numbers, names and call data as they
    are; DTMF digits and credentials are never written.
    """

    path: File = None
    max_megabytes: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    part_megabytes: Annotated[int, Field(ge=1, le=10_000)] = 64
    show_numbers: bool = False
