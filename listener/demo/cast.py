"""Who plays in the demo: agents, customers, and numbers that nobody answers well.

Names and settings alone; the numbers are of the range that is kept for fiction.
"""

from __future__ import annotations

from typing import Any

ANNA, BEN, SUE, DAN, OLA, TIM, FAY, WYN, IDA, JOE = (str(1001001 + n) for n in range(10))
"""The agents; each one's extension is the id. Anna and Ben sign in, the others are there."""

CUSTOMER, OUTSIDE, OTHER_OUTSIDE, BUSY = (f"+120255501{n}" for n in (10, 20, 30, 40))

AGENTS: dict[str, dict[str, Any]] = {
    ANNA: {"state": "LOGOUT", "name": "Anna"},
    BEN: {"state": "LOGOUT", "name": "Ben"},
    SUE: {"supervisor": True, "name": "Sue"},
    DAN: {"answers_by_itself": True, "name": "Dan"},
    OLA: {"name": "Ola"},
    TIM: {"name": "Tim"},
    FAY: {"answers_by_itself": True, "state": "READY", "name": "Fay"},
    WYN: {"answers_by_itself": True, "name": "Wyn"},
    IDA: {"answers_by_itself": True, "name": "Ida"},
    JOE: {"answers_by_itself": True, "name": "Joe"},
}
NAMES: dict[str, str] = {agent: words["name"] for agent, words in AGENTS.items()}
