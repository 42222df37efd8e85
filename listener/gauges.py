"""What the metrics show of a daemon beside its counts: asked of its parts at each scrape.

Knows where each present value is found; names, labels and help are `operations.metrics`'.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from listener.assembly import Listener
from listener.journal import Journal
from listener.operations.lag import LoopLag
from listener.operations.metrics import JournalFigures, Sources


def sources_of(
    listener: Listener,
    lag: LoopLag,
    *,
    journal: Callable[[], Journal | None],
    readers: Callable[[], int],
    ready: Callable[[], bool],
    named: bool,
) -> Sources:
    """Return where the present values come from.

    `journal` returns the one that is used now, `readers` how many read events, `ready` whether the
    daemon is; `named`: agents are named (api.agent_labels).
    """
    roster, service = listener.roster, listener.service
    return Sources(
        version=version("finesse-listener"),
        pending=lambda: service.pending,
        sessions=lambda: (status.state for status in roster.status().values()),
        ready=ready,
        lag=lambda: lag.worst,
        own_lag=lambda: lag.own,
        late=lambda: lag.late,
        readers=readers,
        journal=lambda: _figures(journal()),
        nodes=lambda: ((node.name, node.state, node.in_use) for node in listener.nodes),
        agents=(lambda: ((s.agent, s.live) for s in roster.status().values())) if named else None,
    )


def _figures(journal: Journal | None) -> JournalFigures | None:
    if journal is None:
        return None
    return JournalFigures(*journal.figures, trouble=journal.trouble is not None)
