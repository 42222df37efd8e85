"""The documents say what the code says."""

from pathlib import Path

from listener.correlation.pending import diagram

DOCS = Path(__file__).parents[2] / "docs"


def test_state_diagram_in_the_docs_is_the_one_of_the_table():
    assert diagram() in (DOCS / "architecture.md").read_text(encoding="utf-8")


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
