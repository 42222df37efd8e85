"""The documents say what the code says."""

import re
from pathlib import Path

from listener.correlation.pending import diagram

DOCS = Path(__file__).parents[2] / "docs"


def test_state_diagram_in_the_docs_is_the_one_of_the_table():
    assert diagram() in (DOCS / "architecture.md").read_text(encoding="utf-8")


def test_the_rooms_in_the_docs_are_those_that_there_are():
    tree = (DOCS / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    told: dict[str, set[str]] = {"": set()}
    inside = ""
    for line in tree.splitlines():
        if (found := re.match(r"^(  |    )((?:[a-z_]+(?:\.py|/) ?)+)", line)) is None:
            continue
        names = found[2].split()
        if found[1] == "  ":
            told[""] |= set(names)
            inside = names[0]
        else:
            told.setdefault(inside, set()).update(names)

    assert {"", "finesse/", "correlation/"} == set(told)
    for folder, names in told.items():
        there = {
            each.name + "/" * each.is_dir()
            for each in (DOCS.parent / "listener" / folder).iterdir()
            if each.suffix == ".py" or (each.is_dir() and any(each.glob("*.py")))
        }
        assert there - {"__init__.py"} == names - {"__init__.py"}, f"listener/{folder}"


def test_every_document_that_the_readme_links_to_exists():
    readme = DOCS.parent / "README.md"
    links = [
        part.split(")")[0]
        for part in readme.read_text(encoding="utf-8").split("](")[1:]
        if not part.startswith("http")
    ]

    missing = [link for link in links if not (DOCS.parent / link).exists()]

    assert links
    assert missing == []
