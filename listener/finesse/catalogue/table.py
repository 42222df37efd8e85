"""The catalogue as a table for docs/errors.md.

Knows Markdown and the entries; reads and writes no file. To bring the page up to date:

    python -c "from pathlib import Path; from listener.finesse.catalogue.table import refreshed;
    p = Path('docs/errors.md'); p.write_text(refreshed(p.read_text()))"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.finesse.catalogue.entries import entries, families

if TYPE_CHECKING:
    from listener.finesse.catalogue.entries import Entry

BEGIN = "<!-- generated: the entries with advice -->"
END = "<!-- end of the generated part -->"


def refreshed(page: str) -> str:
    """Return `page` with what stands between `BEGIN` and `END` made anew.

    ValueError when the page has not both marks.
    """
    if BEGIN not in page or END not in page:
        raise ValueError("the page lacks the marks of its generated part")
    head, rest = page.split(BEGIN, 1)
    return f"{head}{BEGIN}\n\n{_tables()}\n\n{END}{rest.split(END, 1)[1]}"


def _tables() -> str:
    return "\n\n".join(_table(family, row["title"]) for family, row in families().items())


def _table(family: str, title: str) -> str:
    head = "| code | constant or type | meaning | what to do |\n|---|---|---|---|"
    rows = (_row(entry) for entry in entries() if entry.family == family and entry.advice)
    return "\n".join([f"### {family}: {title}\n", head, *rows])


def _row(entry: Entry) -> str:
    named = f"`{entry.constant}`" if entry.constant else ""
    cells = (entry.code, named, entry.meaning, str(entry.advice))
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
