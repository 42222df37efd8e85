"""How fast `parse_update` is beside bare lxml, measured side by side in one process.

Run it as a module: `python -m tests.benchmarks.bench_parse`. The other side parses the same payload
with lxml's defaults and finds five texts; it checks nothing and builds nothing.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from lxml import etree

from listener.finesse.wire import parse_update

if TYPE_CHECKING:
    from collections.abc import Callable

FIVE = ("event", "requestId", "source", "data/dialog/id", "data/dialog/state")
ROUNDS = 60
CALLS = 200


def _variable(name: str, value: str) -> str:
    return f"<CallVariable><name>{name}</name><value>{value}</value></CallVariable>"


def _participant(address: str, state: str, *actions: str) -> str:
    listed = "".join(f"<action>{action}</action>" for action in actions)
    return (
        f"<Participant><actions>{listed}</actions><mediaAddress>{address}</mediaAddress>"
        "<mediaAddressType>AGENT_DEVICE</mediaAddressType>"
        f"<startTime>2026-01-05T10:00:00.123Z</startTime><state>{state}</state>"
        "<stateCause></stateCause>"
        "<stateChangeTime>2026-01-05T10:00:07.456Z</stateChangeTime></Participant>"
    )


def payload() -> str:
    """Make a dialog event of about 3.5 kB: two dozen call variables and two participants."""
    plain = [_variable(f"callVariable{n}", f"made up {n}") for n in range(1, 11)]
    ecc = [_variable(f"user.made.up[{n}]", f"key{n}=value{n};step=2") for n in range(14)]
    return (
        "<Update><data><dialog><associatedDialogUri></associatedDialogUri>"
        "<fromAddress>1001</fromAddress><id>16804377</id><mediaProperties><DNIS>1002</DNIS>"
        "<callType>AGENT_INSIDE</callType><dialedNumber>1002</dialedNumber>"
        "<outboundClassification></outboundClassification><callvariables>"
        f"{''.join(plain + ecc)}</callvariables></mediaProperties><mediaType>Voice</mediaType>"
        "<participants>"
        f"{_participant('1001', 'HELD', 'UPDATE_CALL_DATA', 'RETRIEVE', 'DROP')}"
        f"{_participant('1002', 'ACTIVE', 'UPDATE_CALL_DATA', 'CONSULT_CALL', 'HOLD', 'DROP')}"
        "</participants><state>ACTIVE</state><toAddress>1002</toAddress>"
        "<uri>/finesse/api/Dialog/16804377</uri></dialog></data><event>PUT</event>"
        "<requestId>0193a1b2-0000-7000-8000-000000000001</requestId>"
        "<source>/finesse/api/Dialog/16804377</source></Update>"
    )


def bare(text: str) -> list[str | None]:
    """Do what the other side does."""
    root = etree.fromstring(text)
    return [root.findtext(path) for path in FIVE]


def _seconds(read: Callable[[str], object], text: str) -> float:
    start = perf_counter()
    for _ in range(CALLS):
        read(text)
    return (perf_counter() - start) / CALLS


def main() -> dict[str, float]:
    """Measure both in turns, take the best of each, print and return the figures."""
    text = payload()
    pairs = [(_seconds(bare, text), _seconds(parse_update, text)) for _ in range(ROUNDS)]
    theirs, ours = (min(each) for each in zip(*pairs, strict=True))
    figures = {
        "payload_bytes": float(len(text.encode())),
        "bare_events_per_second": 1 / theirs,
        "parse_events_per_second": 1 / ours,
        "ratio": theirs / ours,
    }
    for name, value in figures.items():
        print(f"{name} {value:.2f}")  # noqa: T201 - its output is what it is for
    return figures


if __name__ == "__main__":
    main()
