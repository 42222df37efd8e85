"""How steps of `listener check` are written: one line each, causes and remedies below.

Pure: takes steps and a width, returns lines and how they may be coloured.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from listener.doctor.findings import Report, Step

    Line = tuple[str, str | None]

NARROWEST, WIDEST = 40, 120
_MARKS = {
    "ok": ("+ ok     ", "green"),
    "warning": ("! warning", "yellow"),
    "failed": ("x FAILED ", "bold red"),
    "skipped": ("- skipped", "dim"),
}
_INDENT = " " * 4
_COMMAND = re.compile("`[^`]*`")
_BLANK = "\x00"
CODES = (
    "  0  nothing failed (warnings do not count)",
    " 10  session: the stream, presence, ping",
    " 11  subscriptions, or the user finesse",
    " 12  what the agent may read",
    " 13  the notification was not heard",
    " 68  names: a node's name leads nowhere",
    " 69  network: a port cannot be reached, or the time was over",
    " 73  this machine: journal, sockets, ports, tokens",
    " 75  SystemInfo: Finesse is not in service, or that is not Finesse",
    " 76  TLS: the certificate, its name, its end, the version",
    " 77  login: the account, or SASL",
    " 78  configuration: the settings, or the CA file",
)


def printable(line: str) -> str:
    """Return the line with no control character in it."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)


def of_step(step: Step, width: int | None) -> Iterator[Line]:
    """Yield the lines of a step: mark and word, name, about whom, what was done and seen."""
    word, style = _MARKS[step.status.value]
    about = " ".join(name for name in (step.agent, step.node) if name)
    head = f"{word} {step.id}{f' [{about}]' if about else ''}: "
    for line in _wrapped(head + _told(step), width, _INDENT):
        yield line, style
    for number, cause in enumerate(step.verdict.causes, 1):
        yield from _cause(number, cause.words, cause.remedy, width)


def _told(step: Step) -> str:
    return step.verdict.saw if step.status.value != "failed" else f"{step.did}: {step.verdict.saw}"


def _cause(number: int, words: str, remedy: str, width: int | None) -> Iterator[Line]:
    for line in _wrapped(f"{_INDENT}{number}. {words}", width, _INDENT + "   "):
        yield line, None
    for line in _wrapped(f"{_INDENT}   -> {remedy}", width, _INDENT + "      "):
        yield line, None


def of_report(report: Report, width: int | None) -> Iterator[Line]:
    """Yield the verdict, and the next thing to do."""
    word, style = _MARKS[report.status.value]
    for line in _wrapped(f"{word} verdict: {report.words()}", width, _INDENT):
        yield line, style
    if report.next is not None:
        for line in _wrapped(f"next: {report.next}", width, _INDENT):
            yield line, None


def _wrapped(text: str, width: int | None, indent: str) -> list[str]:
    """Wrap at blanks but those inside of a command (`...`), which must stay whole to be copied.

    Without a width nothing is wrapped.
    """
    text = printable(text)
    if width is None:
        return [text]
    whole = _COMMAND.sub(lambda found: found[0].replace(" ", _BLANK), text)
    lines = textwrap.wrap(
        whole,
        max(NARROWEST, min(width, WIDEST)),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_BLANK, " ") for line in lines]
