"""docs/operating.md names every metric there is, and none that there is not."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from listener.operations.metrics import JournalFigures, Metrics, Sources
from listener.tally import Tally

DOCS = Path(__file__).parents[2] / "docs" / "operating.md"


def every_metric() -> dict[str, set[str]]:
    """Return each metric's name, as a query would have it, and its labels."""
    tally = Tally()
    tally.settled("HOLD", "confirmed", 1)
    tally.events["dialog"] += 1
    tally.parse_failures["dtd"] += 1
    tally.reconnects["conflict"] += 1
    tally.http_refused["header_time"] += 1
    tally.answered("get_info", 200)
    tally.passed("read", 200, "confirmed")
    sources = Sources(
        version="1",
        pending=lambda: 0,
        sessions=lambda: ["up"],
        ready=lambda: True,
        lag=lambda: 0.0,
        own_lag=lambda: 0.0,
        readers=lambda: 0,
        journal=lambda: JournalFigures(1, 1, 1, trouble=False),
        agents=lambda: [("1001", True)],
        nodes=lambda: [("finesse1", "usable", True)],
    )
    tally.moves["out_of_service"] += 1
    found = {}
    for family in text_string_to_metric_families(Metrics(tally, sources).render().decode()):
        for sample in family.samples:
            name = re.sub(r"_(bucket|sum|count)$", "", sample.name)
            found.setdefault(name, set()).update(sample.labels.keys() - {"le"})
    return {name: labels for name, labels in found.items() if not name.startswith("process_")}


def test_the_table_of_metrics_has_each_with_its_labels():
    text = DOCS.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(listener_\w+)(?:\{([\w,]+)\})?` \|", text, re.MULTILINE)
    told = {name: set(labels.split(",")) - {""} for name, labels in rows}

    assert len(rows) == len(told), "each once"
    assert told == every_metric()


def test_what_an_alarm_asks_for_is_a_metric():
    text = DOCS.read_text(encoding="utf-8").partition("Worth an alarm")[2].partition("\n\n")[0]
    asked = set(re.findall(r"listener_\w+", text))

    assert asked
    assert asked <= every_metric().keys()
