"""`listener replay`: a transcript through the very same core, and what came of each request.

Knows the options and the screen; reading and replaying are `listener.transcript`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from listener.cli import console, exits
from listener.cli.describe import describe
from listener.cli.exits import Exit
from listener.cli.files import file_argument
from listener.cli.loading import loading
from listener.cli.reading import Troubles, progress

if TYPE_CHECKING:
    from listener.transcript import Result

MOST_TROUBLES = 20
"""Lines that cannot be read are named up to here; the rest is counted."""

EXAMPLES = exits.lines(
    "Examples",
    (
        "listener replay transcript.jsonl",
        "listener replay transcript.jsonl* --expect    (with its rotated parts)",
        "listener replay transcript.jsonl --request 4f1a... --json",
    ),
)


def replay(
    files: Annotated[
        list[Path],
        file_argument(
            metavar="FILE", help="Transcripts, or - for stdin; parts of one in any order."
        ),
    ],
    *,
    expect: Annotated[
        bool,
        typer.Option("--expect", help="Compare with the recorded outcomes; only what differs."),
    ] = False,
    request: Annotated[
        str | None, typer.Option(help="Only that request, by its requestId or by our id.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per request and line.")
    ] = False,
) -> None:
    """Feed a transcript through the core, with its own clock, and say what came of each request.

    Nothing is sent and nothing is waited for. With --expect the exit code is 1 when an outcome
    differs from the recorded one, and what differs is said, or when nothing could be compared;
    requests that were open where the transcript begins or ends cannot be. Lines that cannot be
    read are named on standard error and passed over.
    """
    console.need_output()
    with loading():
        from listener.transcript import Replay, Word, read, size_of  # noqa: PLC0415  lxml, as above

    words = console.errors()
    troubles = Troubles(words.print, most=MOST_TROUBLES)
    found: Counter[str] = Counter()
    player = Replay(lambda said: troubles.add(f"the core failed: {said}"))
    with progress("replay", size_of(files)) as passed:
        lines = read(*files, trouble=troubles.add, passed=passed)
        for result in player.run(lines):
            if request is not None and request not in {result.request_id, result.key}:
                continue
            found[result.word] += 1
            if not expect or result.word is Word.DIFFERENT:
                _tell(result, as_json=as_json)
    troubles.end()
    if player.lost:
        words.print(
            f"the transcript lacks {player.lost} lines, which were lost when it was written"
        )
    if request is not None and not found:
        words.print(f"no request {request} is in it")
        raise typer.Exit(Exit.FAILED)
    words.print(_summary(found, player.lines))
    if expect and not found[Word.SAME] and not found[Word.DIFFERENT]:
        words.print("nothing in it can be compared")
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.FAILED if expect and found[Word.DIFFERENT] else Exit.OK)


def _summary(found: Counter[str], lines: int) -> str:
    total = sum(found.values())
    said = [
        f"{found['same']:,} as recorded",
        f"{found['different']:,} different",
        *([f"{found['open']:,} without a recorded outcome"] if found["open"] else []),
        *([f"{found['partial']:,} open before it begins"] if found["partial"] else []),
    ]
    return f"{total:,} requests in {lines:,} lines: {', '.join(said)}"


def _tell(result: Result, *, as_json: bool) -> None:
    if as_json:
        console.out_json(json_of(result))
        return
    for line in _lines(result):
        console.out_words(line)


def json_of(result: Result) -> dict[str, Any]:
    """Return a result as JSON: what was asked, and both outcomes in the shape of the API."""
    request = result.request
    return {
        "id": result.key,
        "requestId": result.request_id,
        "agent": request.agent,
        "requestedAction": request.requested_action,
        "dialogId": request.dialog_id,
        "submitted": result.line.wall,
        "file": result.line.path,
        "line": result.line.number,
        "comparison": str(result.word),
        "differences": [
            {"field": name, "recorded": _plain(one), "replayed": _plain(other)}
            for name, one, other in result.differences()
        ],
        "outcome": _outcome(result, replayed=True),
        "recorded": _outcome(result, replayed=False),
    }


def _outcome(result: Result, *, replayed: bool) -> dict[str, Any] | None:
    from listener.report import outcome_json  # noqa: PLC0415  as above

    outcome = result.replayed if replayed else result.recorded
    if outcome is None:
        return None
    return outcome_json(outcome, request=result.request, deployment=result.deployment)


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | list | None):
        return value if not isinstance(value, str) else str(value)
    return str(value)


def _lines(result: Result) -> Iterator[str]:
    request, line = result.request, result.line
    dialog = f" on dialog {request.dialog_id}" if request.dialog_id else ""
    yield (
        f"{line.at:.3f} s  agent {request.agent}: {request.requested_action}{dialog}"
        f" (requestId {result.request_id})"
    )
    outcome = _outcome(result, replayed=True)
    if outcome is None:
        yield "  no outcome before the transcript ends"
    else:
        for said in describe(outcome, request.requested_action):
            yield f"  {said}"
    for name, one, other in result.differences():
        yield f"  different: {name} was recorded as {_said(one)}, and is now {_said(other)}"


def _said(value: Any) -> str:
    return "nothing" if value in (None, (), []) else str(_plain(value))
