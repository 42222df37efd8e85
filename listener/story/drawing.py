"""A story as one SVG: self-contained, readable in light and dark, nothing said by colour alone.

Pure: a story in, text out. Holds no script, no link and no outside asset.
"""

from __future__ import annotations

from collections.abc import Iterator

from listener.story.lines import headline
from listener.story.markup import Markup, join, tag
from listener.story.steps import LANES, Kind, Lane, Step
from listener.story.telling import Story, time_of

_LEFT = 130
_PITCH = 190
_ROW = 38
_TOP = 30
_WIDTH = _LEFT + _PITCH * len(LANES)
_LONGEST = 76
"""Characters of a title that are drawn; the whole stands in its tooltip and in the words."""
_WIDE = 6.4  # of a character, about

STYLE = """
svg { --ink: #1b1f24; --faint: #5b6470; --paper: #ffffff; --bad: #a3001b; --good: #00558a;
font: 12px system-ui, sans-serif; background: var(--paper); }
@media (prefers-color-scheme: dark) { svg { --ink: #e8eaed; --faint: #a7b0ba; --paper: #14171a;
--bad: #ff9aa8; --good: #7cc7ff; } }
svg text { fill: var(--ink); paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
 svg .faint { fill: var(--faint); }
svg .head { font-weight: 700; } svg .bad { fill: var(--bad); font-weight: 700; }
svg .good { fill: var(--good); font-weight: 700; }
svg line { stroke: var(--ink); stroke-width: 1.4; } svg .life { stroke: var(--faint);
stroke-width: 1; stroke-dasharray: 2 5; }
svg .badline { stroke: var(--bad); stroke-dasharray: 7 3; }
svg .goodline { stroke: var(--good); stroke-width: 2.6; } svg .late { stroke-dasharray: 3 3; }
svg path { fill: var(--ink); } svg .badhead { fill: var(--bad); }
svg .goodhead { fill: var(--good); }
svg .paper { fill: var(--paper); }
"""


def svg_file(story: Story) -> str:
    """Return the whole file."""
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + drawing(story, heads=True) + "\n"


def drawing(story: Story, *, heads: bool = False) -> Markup:
    """Return the svg element; `heads`: with the requests and the findings as lines above."""
    above = list(_heads(story)) if heads else []
    top = _TOP + 16 * len(above)
    height = top + 40 + _ROW * len(story.steps)
    return tag(
        "svg",
        tag("title", f"The story of {story.subject}"),
        tag("style", Markup(STYLE)),
        tag("rect", class_="paper", x=0, y=0, width=_WIDTH, height=height),
        *(
            tag("text", said, x=12, y=20 + 16 * n, class_=style)
            for n, (said, style) in enumerate(above)
        ),
        *_lanes(top, height),
        *(_step(n, step, story, top + 44 + _ROW * n) for n, step in enumerate(story.steps)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height}",
        width=_WIDTH,
        height=height,
        role="img",
    )


def _heads(story: Story) -> Iterator[tuple[str, str]]:
    yield f"The story of {story.subject}", "head"
    masked = "; numbers and call data are masked" if story.masked else ""
    yield f"from {story.source}; times from {time_of(story.begin)}{masked}", "faint"
    for asked in story.requests:
        if asked.neighbour:
            continue
        yield from ((said, "head") for said in _folded(headline(asked)))
        for found in story.of(asked):
            said = f"* {found.cause}. Saw: {found.saw}. What to do: {found.advice}"
            yield from ((each, "") for each in _folded(said))


def _folded(said: str, width: int = 150) -> list[str]:
    import textwrap  # noqa: PLC0415  for a few lines of a file alone

    return textwrap.wrap(said, width, subsequent_indent="  ")


def _lanes(top: int, height: int) -> Iterator[Markup]:
    for lane in LANES:
        x = _x(lane)
        yield tag("line", class_="life", x1=x, y1=top + 18, x2=x, y2=height - 6)
        yield tag("text", lane.value, x=x, y=top + 10, class_="head", text_anchor="middle")


def _x(lane: Lane) -> int:
    return _LEFT + _PITCH * LANES.index(lane) + _PITCH // 2


def _step(number: int, step: Step, story: Story, y: int) -> Markup:
    begin, end = _x(step.source), _x(step.target)
    mood = "bad" if step.bad else "good" if step.proof else ""
    mark = "\u2717 " if step.bad else "\u2713 " if step.proof else ""
    title = f"{mark}{step.title}{f' = {step.proof}' if step.proof else ''}"
    shown = title if len(title) <= _LONGEST else title[: _LONGEST - 1] + "\u2026"
    middle = (begin + end) // 2
    half = int(len(shown) * _WIDE / 2)
    middle = max(_LEFT + half, min(middle, _WIDTH - half - 8))
    return tag(
        "g",
        tag("title", join(title, *(f"\n{line}" for line in step.lines))),
        tag("text", f"{number + 1}", x=8, y=y, class_="head"),
        tag(
            "text",
            f"{story.after(step.at):+.3f} s",
            x=_LEFT - 14,
            y=y,
            class_="faint",
            text_anchor="end",
        ),
        tag("text", shown, x=middle, y=y - 6, text_anchor="middle", class_=mood or None),
        *_arrow(step, begin, end, y + 2, mood),
    )


def _arrow(step: Step, begin: int, end: int, y: int, mood: str) -> Iterator[Markup]:
    head = f"{mood}head" if mood else None
    if begin == end:
        yield tag(
            "path", d=f"M{end - 5} {y} L{end} {y - 5} L{end + 5} {y} L{end} {y + 5} Z", class_=head
        )
        return
    line = f"{mood}line" if mood else "late" if step.kind is Kind.LATE else None
    yield tag("line", x1=begin, y1=y, x2=end, y2=y, class_=line)
    back = -8 if end > begin else 8
    yield tag("path", d=f"M{end} {y} l{back} -4 l0 8 Z", class_=head)
