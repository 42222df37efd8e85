"""What all sections of the settings are made of. Knows kinds of values, no key."""
# No `from __future__ import annotations`: pydantic reads the annotations when the classes are made.

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def looking_like(pattern: str, words: str) -> AfterValidator:
    """Return a check that a text is as `pattern` has it, all of it; `words` is what is told."""
    matches: Callable[[str], object] = re.compile(pattern).fullmatch

    def checked(given: str) -> str:
        if not matches(given):
            raise ValueError(words)
        return given

    return AfterValidator(checked)


Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=1, le=65535)]
Host = Annotated[
    str,
    looking_like(
        r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]",
        "write a host name or an address (IPv6 in brackets), without scheme, port and path",
    ),
]


class Section(BaseModel):
    """One table of the file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
