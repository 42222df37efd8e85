"""The pasted samples are read as recorded: they ship as documentation, so they must hold."""

import json
from pathlib import Path

import pytest

from listener.finesse.parsed import to_json

SAMPLES = Path(__file__).parents[2] / "samples"
GOLDEN = json.loads((Path(__file__).parent / "pasted.json").read_text(encoding="utf-8"))
FILES = sorted(SAMPLES.glob("pasted-*"))


def summary(path: Path) -> dict[str, object]:
    """Return what matters of `listener parse --json` for one file."""
    found = to_json(path.name, path.read_bytes())
    keys = ("kind", "event", "node", "requestId", "source", "notes")
    updates = [{key: update[key] for key in keys if key in update} for update in found["updates"]]
    said = {key: found[key] for key in ("ok", "problem", "form", "notes") if key in found}
    return {**said, "updates": updates}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_pasted_sample_is_read_as_recorded(path: Path):
    assert summary(path) == GOLDEN[path.name]


def test_every_pasted_sample_is_recorded_and_explained():
    page = (SAMPLES / "README.md").read_text(encoding="utf-8")

    assert sorted(GOLDEN) == [path.name for path in FILES]
    assert [path.name for path in FILES if f"`{path.name}`" not in page] == []


def test_no_credentials_of_the_samples_are_repeated():
    told = json.dumps([to_json(path.name, path.read_bytes()) for path in FILES])
    assert "bWFkZTp1cA" not in told
    assert "madeup" not in told
