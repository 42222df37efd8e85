"""How the demo looks: a line per request, a progress line on a terminal, tables at the end.

Knows widths, colours and words; decides nothing. Colour never says what no word says, a pipe gets
plain lines, and DTMF digits are never shown (requests hide them themselves).
"""

from __future__ import annotations

import textwrap
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from listener.correlation.outcome import Confirmed, Failed, Rejected
from listener.demo.cast import NAMES
from listener.demo.stage import outcome_of
from listener.finesse.catalogue import explain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.status import Status

    from listener.correlation.outcome import Outcome
    from listener.correlation.steps import Late
    from listener.demo.judge import Verdict
    from listener.demo.stage import Play, Stage
    from listener.finesse.model import ApiError

NARROW, WIDE = 100, 120  # columns: below, a request takes two lines; above, tables stop
_STYLES = {
    "confirmed": "green",
    "presumed": "cyan",
    "failed": "red",
    "rejected": "magenta",
    "unconfirmed": "yellow",
    "abandoned": "yellow",
    "late": "yellow",
}
_WHY = {
    "deadline": "nobody said anything until the deadline",
    "dialog_ended": "the call left the agent; that alone does not say why",
    "no_answer": "Finesse did not answer; it may have happened",
    "ambiguous": "what was heard fits more than one request",
    "link_lost": "the session was away",
}


class Screen:
    """Writes to standard output, for a terminal of any width or for a pipe."""

    def __init__(self, tags: Sequence[str], console: Console | None = None) -> None:
        self.console = console or _console()
        self.width = self.console.width
        self._stages: list[Stage] = []
        self._tag_width = max(map(len, tags)) if len(tags) > 1 else 0
        self._status: Status | None = None
        self._settled = 0

    # -- while it goes on

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Show on a terminal what is open; elsewhere nothing."""
        if not self.console.is_terminal:
            yield
            return
        with self.console.status("signing in") as self._status:
            yield
        self._status = None

    def _progress(self, stage: Stage) -> None:
        if stage not in self._stages:
            self._stages.append(stage)
        if self._status is None:
            return
        waiting = [p.record.request.requested_action for s in self._stages for p in s.open.values()]
        words = f"{self._settled} settled, waiting for: {', '.join(waiting) or 'nothing'}"
        self._status.update(escape(textwrap.shorten(words, max(self.width - 6, 20))))

    def say(self, words: str) -> None:
        """Print words for people, within the width."""
        for line in textwrap.wrap(words, self.width) or [""]:
            self.console.print(line, markup=False)

    def columns(self) -> None:
        """Print what the columns are."""
        self.say("Each request as it settles: whose, action, outcome, how it is known, and the")
        self.say("milliseconds until Finesse's answer / from there to the outcome / in all.")
        self.say("")

    def settled(self, stage: Stage, play: Play) -> None:
        """Print the line about a request, and beneath it what its error or silence means."""
        self._settled += 1
        outcome = outcome_of(play)
        how = str(getattr(outcome, "evidence", None) or getattr(outcome, "reason", None) or "")
        if isinstance(outcome, Rejected) and outcome.status is not None:
            how = f"HTTP {outcome.status}"
        words = list(_beneath(stage, play, outcome))
        self._line(stage, play, (outcome.kind, how, _times(play)), words)
        self._progress(stage)

    def late(self, stage: Stage, play: Play, late: Late) -> None:
        """Print that an error came after the outcome; echoes of what was known are left out."""
        if not late.errors:
            return
        after = f"+{(late.at - play.settled_at) * 1000:.0f} ms"
        words = [_error(stage, play, error, None) for error in late.errors]
        self._line(stage, play, ("late", late.kind.replace("_", " "), after), words)

    def remark(self, stage: Stage, agent: str, words: str) -> None:
        """Print what was heard and belongs to no request."""
        self.say(f"{self._start(stage, agent)}{words}")

    def _start(self, stage: Stage, agent: str) -> str:
        tag = f"{stage.tagging:<{self._tag_width}} " if self._tag_width else ""
        return f"{tag}{NAMES[agent]:<5}"

    def _line(
        self, stage: Stage, play: Play, told: tuple[str, str, str], words: Sequence[str]
    ) -> None:
        """Print one line in a pipe; on a terminal what is said in words goes beneath it."""
        request = play.record.request
        word, how, times = told
        start = f"{self._start(stage, request.agent)}{request.requested_action:<26}"
        if self.console.is_terminal and self.width < NARROW:
            self._print(escape(start))
            start = " " * 5
        end = f"[{_STYLES[word]}]{word:<12}[/]{how:<16}{times:<20}"
        if not self.console.is_terminal:
            self._print(escape(start) + end + "  " + escape("; ".join(words)))
            return
        self._print(escape(start) + end)
        for each in words:
            self._indented(each)

    def _print(self, markup: str) -> None:
        self.console.print(markup.rstrip())

    def _indented(self, words: str) -> None:
        lines = textwrap.wrap(words, self.width, initial_indent=" " * 7, subsequent_indent=" " * 9)
        for line in lines:
            self.console.print(line, style="dim", markup=False)

    # -- at the end

    def outcomes(self, scenes: dict[str, list[Verdict]]) -> None:
        """Print the table: per action, the outcomes under each way of tagging."""
        table = Table(title="Outcomes", box=box.SIMPLE_HEAD, title_justify="left")
        table.add_column("action", overflow="fold")
        for tag in scenes:
            table.add_column(tag, overflow="fold")
        actions = dict.fromkeys(v.case.action for found in scenes.values() for v in found)
        for action in sorted(actions):
            cells = [_tally(found, action) for found in scenes.values()]
            table.add_row(action, *cells)
        self.console.print(table, soft_wrap=False, width=min(self.width, WIDE))

    def comparison(self, rows: Sequence[tuple[str, str, int, int, str]]) -> None:
        """Print what simpler correlators would have said: (tagging, which, wrong, of, example)."""
        table = Table(
            title="What simpler correlators would have said",
            box=box.SIMPLE_HEAD,
            title_justify="left",
        )
        for name in ("tagging", "correlator", "wrong", "such as"):
            table.add_column(name, overflow="fold")
        for tag, which, wrong, total, example in rows:
            table.add_row(tag, which, f"{wrong} of {total}", example)
        self.console.print(table, soft_wrap=False, width=min(self.width, WIDE))

    def verdict(self, scenes: dict[str, list[Verdict]]) -> None:
        """Print what the judge found, the verdict last."""
        every = [verdict for found in scenes.values() for verdict in found]
        for verdict in every:
            for words in (
                verdict.too_much,
                verdict.too_little and f"unknown, but {verdict.too_little}",
            ):
                if words:
                    case = verdict.case
                    self.say(f"WRONG ({case.tagging}) {case.action} {case.note}: {words}")
        much = sum(v.too_much is not None for v in every)
        little = sum(v.too_little is not None for v in every)
        self.say(
            f"{len(every)} requests, {much} said more than was true, "
            f"{little} left unknown that could be known"
        )


def _console() -> Console:
    """Return the console; a pipe has no width, so its lines are as long as they are."""
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=WIDE)


def _tally(found: Sequence[Verdict], action: str) -> str:
    counts = Counter(v.case.outcome.kind for v in found if v.case.action == action)
    return ", ".join(f"[{_STYLES[kind]}]{kind}[/] {counts[kind]}" for kind in sorted(counts))


def _times(play: Play) -> str:
    record = play.record
    total = (play.settled_at - record.submitted_at) * 1000
    if record.answered_at is None:
        return f"- / - / {total:.0f}"
    rest = (record.answered_at - record.submitted_at) * 1000
    return f"{rest:.0f} / {max(total - rest, 0):.0f} / {total:.0f}"


def _beneath(stage: Stage, play: Play, outcome: Outcome) -> Iterator[str]:
    if play.note:
        yield f"({play.note})"
    for error in getattr(outcome, "errors", ()):
        yield _error(stage, play, error, outcome.status)
    if isinstance(outcome, Failed) and outcome.state_cause:
        yield f"the call FAILED: {outcome.state_cause}"
    if outcome.missing:
        yield f"not set: {', '.join(outcome.missing)}"
    if isinstance(outcome, Confirmed) and outcome.changed is False:
        yield "the values were there before: a GET showed them"
    reason = getattr(outcome, "reason", None)
    if reason is not None:
        yield _WHY.get(str(reason), "it may have happened")


def _error(stage: Stage, play: Play, error: ApiError, status: int | None) -> str:
    rejected = status if isinstance(outcome_of(play), Rejected) else None
    found = explain(
        error,
        deployment=stage.simulator.finesse.deployment,
        http_status=rejected,
        action=play.record.request.requested_action,
    )
    name = found.constant or error.error_message or error.error_type or "an error without words"
    meaning = found.meaning or error.error_message or "not in the catalogue"
    return f"{name}: {meaning}"
