"""docs/outcomes.md and the requests say the same about deadlines and gates."""

from __future__ import annotations

import re
from pathlib import Path

from listener.finesse.actions import ACTIONS, Gate, Probe

PAGE = Path(__file__).parents[3] / "docs" / "outcomes.md"
GATES = {
    "settled": Gate.UNTIL_SETTLED,
    "answered": Gate.UNTIL_ANSWERED,
    "DTMF": Gate.DTMF,
    "none": Gate.NONE,
}


def rows() -> dict[str, list[str]]:
    """Return the cells of each action's row, by the action's key in ACTIONS."""
    found: dict[str, list[str]] = {}
    prefix = ""
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            prefix = "TASK_" if "task" in line else ""
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.match(r"\| [A-Z]{2}", line) and len(cells) == 8:
            actions = re.sub(r" \(.*\)", "", cells[0]).split(", ")
            found.update({prefix + action: cells for action in actions})
    return found


def test_every_action_has_a_row_with_its_gate_and_deadline():
    page = rows()
    assert set(page) == {key for key in ACTIONS if not key.startswith("DIRECT_")}
    for key, cells in page.items():
        kind = ACTIONS[key]
        assert GATES[cells[6]] is kind.gate, key
        assert (cells[4] == "no") is (kind.probe is Probe.NONE), key
        seconds = 20 if kind.gate is not Gate.DTMF and key != "START_RECORDING" else 5
        assert cells[5].split(" ")[0] == str(seconds), key
        only = re.search(r"\((UCC[EX])\)", cells[0])
        if only:
            assert kind.deployments == {only[1]}, key
