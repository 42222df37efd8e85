"""A story as one HTML file for a ticket: words, findings, the diagram, every step.

Pure: a story in, text out. No script, no link, no outside asset: a strict policy in the file says
so too, and whatever came from outside is placed as text.
"""

from __future__ import annotations

from collections.abc import Iterator

from listener.story import diagnosis
from listener.story.drawing import drawing
from listener.story.facts import Asked
from listener.story.lines import headline
from listener.story.markup import Markup, tag
from listener.story.steps import Step
from listener.story.telling import Story, time_of

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #5b6470;
--rule: #c8ced6; --bad: #a3001b; --good: #00558a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --paper: #14171a; --faint: #a7b0ba;
--rule: #3a424b; --bad: #ff9aa8; --good: #7cc7ff; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
margin: 2rem auto; max-width: 72rem; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.faint { color: var(--faint); } .bad { color: var(--bad); font-weight: 700; }
.good { color: var(--good); font-weight: 700; }
.finding { border-left: 4px solid var(--ink); padding-left: 0.8rem; margin: 0.8rem 0; }
.finding p { margin: 0.1rem 0; } .wide { overflow-x: auto; border: 1px solid var(--rule); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
padding: 0.3rem 0.5rem; border-top: 1px solid var(--rule); } td p { margin: 0; }
.time { white-space: nowrap; }
"""


def html_file(story: Story) -> str:
    """Return the whole file."""
    title = f"The story of {story.subject}"
    page = tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
            tag("meta", name="viewport", content="width=device-width"),
            tag("title", title),
            tag("style", Markup(_STYLE)),
        ),
        tag(
            "body",
            tag("h1", title),
            tag("p", _about(story), class_="faint"),
            *(tag("p", f"Note: {note}") for note in story.notes),
            *(
                each
                for asked in story.requests
                if not asked.neighbour
                for each in _request(asked, story)
            ),
            tag("h2", "As a diagram"),
            tag("div", drawing(story), class_="wide"),
            tag("h2", "Step by step"),
            _table(story),
            *_left_out(story),
        ),
        lang="en",
        xmlns="http://www.w3.org/1999/xhtml",
    )
    return f"<!DOCTYPE html>\n{page}\n"


def _about(story: Story) -> str:
    masked = " Numbers and call data are masked." if story.masked else ""
    return f"From {story.source}. Times are seconds from {time_of(story.begin)}.{masked}"


def _request(asked: Asked, story: Story) -> Iterator[Markup]:
    yield tag("h2", headline(asked))
    yield tag("p", story.repeat(asked))
    if wanted := diagnosis.missing(asked):
        yield tag("p", f"Missing: {wanted}.")
    for found in story.of(asked):
        word = "steps" if len(found.steps) > 1 else "step"
        places = f" ({word} {', '.join(map(str, found.steps))})" if found.steps else ""
        yield tag(
            "div",
            tag("p", tag("strong", found.cause)),
            tag("p", f"Saw: {found.saw}{places}."),
            tag("p", f"What to do: {found.advice}"),
            class_="finding",
        )


def _table(story: Story) -> Markup:
    heads = tag("tr", *(tag("th", head) for head in ("", "Time", "From", "To", "What")))
    rows = [_row(number, step, story) for number, step in enumerate(story.steps, 1)]
    return tag("table", tag("thead", heads), tag("tbody", *rows))


def _row(number: int, step: Step, story: Story) -> Markup:
    mark = "\u2717 " if step.bad else ""
    what = [tag("p", f"{mark}{step.title}", class_="bad" if step.bad else None)]
    what += [tag("p", line, class_="faint") for line in step.lines]
    if step.proof:
        what.append(tag("p", f"\u2713 {step.proof}", class_="good"))
    return tag(
        "tr",
        tag("td", str(number)),
        tag("td", f"{story.after(step.at):+.3f} s", class_="time"),
        tag("td", step.source.value),
        tag("td", step.target.value),
        tag("td", *what),
    )


def _left_out(story: Story) -> Iterator[Markup]:
    if story.more_requests:
        yield tag("p", f"{story.more_requests:,} older requests are left out.")
    if story.more_events:
        yield tag("p", f"{story.more_events:,} more events are left out.")
