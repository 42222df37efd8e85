"""What an event costs with few and with many requests pending, and what a request weighs.

Run: python -m tests.benchmarks.bench_correlator
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
import tracemalloc

from listener.correlation.correlator import Correlator, Registration
from listener.correlation.steps import AnswerKind, Look, RestAnswer
from listener.finesse.actions import Hold
from tests.builders import a_dialog, a_participant, a_user, an_event, clock

COUNTS = (10, 1_000, 10_000)
PER_AGENT = 10
ROUNDS = 7
EVENTS = 400
MAX_RATIO = 1.3
MAX_BYTES = 3_000


def loaded(pending: int) -> Correlator:
    """Return a correlator with that many accepted requests, ten per agent, each on its dialog."""
    correlator = Correlator()
    for number in range(pending // PER_AGENT):
        agent = f"agent{number}"
        correlator.link_up(0.0, agent, Look(0.0, dialogs=(), user=a_user(login_id=agent)))
        for call in range(PER_AGENT):
            ask(correlator, agent, f"{agent}-{call}")
    return correlator


def ask(correlator: Correlator, agent: str, id_: str) -> None:
    """Register one request and accept it; each acts on a device of its own."""
    request = Hold(agent=agent, dialog_id=id_)
    correlator.register(1.0, request, Registration(key=id_, request_id=id_, own=id_))
    correlator.leaves(1.0, id_)
    correlator.answered(1.0, id_, RestAnswer(AnswerKind.ACCEPTED, 202))


def cost(correlator: Correlator, start: int) -> float:
    """Return the seconds that one event takes which concerns one request and settles none."""
    events = []
    for number in range(EVENTS):
        id_ = f"agent0-{number % PER_AGENT}"
        party = a_participant(id_, "ACTIVE", None, state_change_time=clock(start + number))
        events.append(an_event(a_dialog(id_, party), owner="agent0"))
    gc.disable()
    begin = time.perf_counter()
    for number, event in enumerate(events, start=start):
        correlator.receive(2.0, event, number)
    taken = time.perf_counter() - begin
    gc.enable()
    return taken / EVENTS


def weight(pending: int) -> float:
    """Return the bytes of one pending request, the picture of its agent included."""
    gc.collect()
    tracemalloc.start()
    correlator = loaded(pending)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(correlator.open_keys()) == pending
    return held / pending


def main() -> dict[str, float]:
    """Measure, print and return: microseconds per event, their ratio, bytes per request."""
    correlators = {count: loaded(count) for count in COUNTS}
    times: dict[int, list[float]] = {count: [] for count in COUNTS}
    for turn in range(ROUNDS):  # in turn, so that a noisy moment hits all of them
        for count, correlator in correlators.items():
            times[count].append(cost(correlator, 1 + turn * EVENTS))
    best = {count: min(each) * 1e6 for count, each in times.items()}
    result = {f"us_per_event_{count}": round(value, 2) for count, value in best.items()}
    result["us_per_event_median_10000"] = round(statistics.median(times[10_000]) * 1e6, 2)
    result["ratio"] = round(max(best.values()) / min(best.values()), 3)
    result["bytes_per_request"] = round(weight(10_000))
    sys.stdout.write(json.dumps(result) + "\n")
    return result


if __name__ == "__main__":
    main()
