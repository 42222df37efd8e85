"""The samples are read as their explanations say; they ship as documentation, so they must hold."""

import json
from pathlib import Path

import pytest

from listener.finesse.parsed import to_json

SAMPLES = Path(__file__).parents[2] / "samples"
GOLDEN = Path(__file__).parent / "samples.json"

FILES = sorted(SAMPLES.glob("*.xml"))


def summary(path: Path) -> dict[str, object]:
    """Return what matters of `listener parse --json` for one file."""
    found = to_json(path.name, path.read_bytes())
    return {
        "ok": found["ok"],
        "form": found["form"],
        "updates": [
            {
                "kind": update["kind"],
                "event": update["event"],
                "node": update["node"],
                "requestId": update["requestId"],
                "source": update["source"],
                "dialogs": [
                    [d["id"], d["state"], [p["state"] for p in d["participants"]]]
                    for d in update.get("dialogs") or []
                ],
                "errors": [
                    [e["errorType"], e["errorMessage"], e["errorData"]]
                    for e in update.get("errors") or []
                ],
            }
            for update in found["updates"]
        ],
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_sample_is_read_as_recorded(path: Path):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))

    assert summary(path) == golden[path.name]


def test_every_sample_is_recorded_and_none_is_left_over():
    assert sorted(json.loads(GOLDEN.read_text(encoding="utf-8"))) == [path.name for path in FILES]


def test_every_sample_says_what_it_shows():
    silent = [p.name for p in FILES if "<!--" not in p.read_text(encoding="utf-8")[:200]]

    assert silent == []
