"""The daemon's numbers as Prometheus reads them: names, labels, help.

    metrics = Metrics(tally, sources)
    metrics.render()            what GET /metrics answers, with CONTENT_TYPE

Reads `Tally` and asks `Sources` when somebody asks it; counts nothing itself. Each daemon has its
own registry. No agent in a label unless `Sources.agents` is given (api.agent_labels).
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from listener.tally import OTHER, Spread, Tally

CONTENT_TYPE = CONTENT_TYPE_LATEST

STATES = ("connecting", "up", "waiting", "stopped", "closed", "signed_out")
"""How a session can be (`xmpp.link.LinkState`, and "signed_out" where none is due)."""

NODE_STATES = ("usable", "out", "unknown")
"""How a Finesse node can be (`standing.NodeState`)."""


@dataclass(frozen=True, slots=True)
class JournalFigures:
    """How the journal is: commits and failed tries since the start, bytes on disk, well or not."""

    commits: int
    failures: int
    bytes: int
    trouble: bool


def _never() -> int:
    return 0


def _no_journal() -> JournalFigures | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the present values come from, asked at each scrape. None of these may wait.

    `sessions` yields the state of each agent's session, `lag` is in seconds. `journal` answers None
    where there is none, `nodes` yields name, state and whether it is in use. `agents` (id, whether
    its session hears) is for api.agent_labels alone.
    """

    version: str
    pending: Callable[[], int]
    sessions: Callable[[], Iterable[str]]
    ready: Callable[[], bool]
    lag: Callable[[], float]
    own_lag: Callable[[], float]
    readers: Callable[[], int]
    late: Callable[[], int] = _never
    journal: Callable[[], JournalFigures | None] = _no_journal
    nodes: Callable[[], Iterable[tuple[str, str, bool]]] = tuple
    agents: Callable[[], Iterable[tuple[str, bool]]] | None = None


class Metrics:
    """All metrics of one daemon."""

    def __init__(self, tally: Tally, sources: Sources) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Ours(tally, sources))
        # process_open_fds, process_max_fds, memory and processor time, under their usual names
        ProcessCollector(registry=self._registry)

    def render(self) -> bytes:
        """Return them in Prometheus' text format (CONTENT_TYPE)."""
        return generate_latest(self._registry)


class _Ours(Collector):
    def __init__(self, tally: Tally, sources: Sources) -> None:
        self._tally = tally
        self._now = sources

    def collect(self) -> Iterator[Metric]:
        yield from self._requests()
        yield from self._sessions()
        yield from self._nodes()
        yield from self._heard()
        yield from self._callers()
        yield from self._process()
        if (figures := self._now.journal()) is not None:
            yield from _journal(figures)

    def _requests(self) -> Iterator[Metric]:
        tally = self._tally
        yield _by_labels(
            "requests_total",
            "Requests that have their outcome.",
            ("action", "outcome"),
            tally.requests.items(),
        )
        yield _histogram(
            "outcome_latency_seconds",
            "Seconds from the submission of a request to its outcome.",
            "outcome",
            tally.latencies,
        )
        yield _gauge("pending_requests", "Requests without an outcome yet.", self._now.pending())

    def _sessions(self) -> Iterator[Metric]:
        states = Counter(
            state if state in STATES else OTHER for state in map(str, self._now.sessions())
        )
        family = GaugeMetricFamily(
            "listener_sessions", "Agents by the state of their session.", labels=("state",)
        )
        for state in (*STATES, *(states.keys() - set(STATES))):
            family.add_metric((state,), states[state])
        yield family
        yield _by_label(
            "reconnects_total",
            "Sessions that were lost and are up again, by what ended them.",
            "cause",
            self._tally.reconnects,
        )
        yield _histogram(
            "gap_seconds",
            "Seconds in which an agent's events may have been lost, at its end.",
            None,
            {"": self._tally.gaps},
        )
        if self._now.agents is not None:
            up = GaugeMetricFamily(
                "listener_session_up", "1 while the agent's session hears.", labels=("agent",)
            )
            for agent, hears in self._now.agents():
                up.add_metric((agent,), hears)
            yield up

    def _nodes(self) -> Iterator[Metric]:
        states = GaugeMetricFamily(
            "listener_node_state",
            "1 for the state of a Finesse node as far as is known: asked only while needed.",
            labels=("node", "state"),
        )
        used = GaugeMetricFamily(
            "listener_node_in_use", "1 for the Finesse node in use.", labels=("node",)
        )
        for name, state, in_use in self._now.nodes():
            used.add_metric((name,), in_use)
            for each in NODE_STATES:
                states.add_metric((name, each), each == state)
        yield states
        yield used
        yield _by_label(
            "node_moves_total",
            "Changes of all agents to the other node, by what was wrong.",
            "cause",
            self._tally.moves,
        )

    def _heard(self) -> Iterator[Metric]:
        tally = self._tally
        yield _by_label("events_total", "Events that were news, by kind.", "kind", tally.events)
        for name, words, value in (
            ("events_unmatched_total", "Events with a foreign requestId.", tally.unmatched),
            ("events_late_total", "What was heard about a request after its outcome.", tally.late),
            ("events_duplicate_total", "Events that were heard before.", tally.duplicates),
        ):
            yield _count(name, words, value)
        yield _by_label(
            "parse_failures_total",
            "Payloads that could not be read.",
            "reason",
            tally.parse_failures,
        )

    def _callers(self) -> Iterator[Metric]:
        tally = self._tally
        yield _gauge("event_readers", "Readers of the event stream.", self._now.readers())
        yield _count(
            "subscriber_lagged_total", "Readers that fell behind and were cut off.", tally.lagged
        )
        yield _by_labels(
            "http_requests_total",
            "Answers of the API, by operation and class of status.",
            ("operation", "status"),
            tally.http.items(),
        )
        yield _by_label(
            "http_refused_total",
            "Connections that were refused or ended, by what for.",
            "reason",
            tally.http_refused,
        )
        yield _by_labels(
            "dropin_requests_total",
            "Answers of the drop-in, by manner and class of status.",
            ("manner", "status"),
            tally.dropin.items(),
        )
        yield _by_label(
            "dropin_outcomes_total", "What X-Outcome said.", "outcome", tally.dropin_outcomes
        )

    def _process(self) -> Iterator[Metric]:
        yield _gauge("ready", "1 while /readyz says so.", self._now.ready())
        yield _gauge(
            "loop_lag_seconds", "By how much the loop was late, at worst, in 60 s.", self._now.lag()
        )
        yield _gauge(
            "loop_own_lag_seconds",
            "How much of a lag was the loop's own processor time, at worst, in 60 s.",
            self._now.own_lag(),
        )
        yield _count(
            "loop_late_total", "Times that the loop was late by more than 100 ms.", self._now.late()
        )
        yield InfoMetricFamily(
            "listener_build",
            "What runs here.",
            value={"version": self._now.version, "python": platform.python_version()},
        )


def _journal(figures: JournalFigures) -> Iterator[Metric]:
    yield _count("journal_commits_total", "Transactions that are safe on disk.", figures.commits)
    yield _count("journal_failures_total", "Transactions that failed.", figures.failures)
    yield _gauge("journal_bytes", "Bytes of the journal on disk.", figures.bytes)
    yield _gauge("journal_trouble", "1 while the journal cannot be written.", figures.trouble)


def _count(name: str, words: str, value: int) -> Metric:
    return CounterMetricFamily(f"listener_{name}", words, value=value)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"listener_{name}", words, value=value)


def _by_label(name: str, words: str, label: str, counts: Mapping[str, int]) -> Metric:
    return _by_labels(name, words, (label,), (((key,), number) for key, number in counts.items()))


def _by_labels(
    name: str, words: str, labels: tuple[str, ...], counts: Iterable[tuple[tuple[str, ...], int]]
) -> Metric:
    family = CounterMetricFamily(f"listener_{name}", words, labels=labels)
    for values, number in sorted(counts):
        family.add_metric(values, number)
    return family


def _histogram(name: str, words: str, label: str | None, spreads: Mapping[str, Spread]) -> Metric:
    family = HistogramMetricFamily(
        f"listener_{name}", words, labels=() if label is None else (label,)
    )
    for value, spread in sorted(spreads.items()):
        bounds = (*map(str, spread.bounds), "+Inf")
        family.add_metric(
            () if label is None else (value,),
            buckets=list(zip(bounds, accumulate(spread.counts), strict=True)),
            sum_value=spread.total,
        )
    return family
