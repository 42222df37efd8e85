"""When to try again: pure decisions."""

import pytest

from listener.dialling import MAX_HANDSHAKES
from listener.errors import (
    CertificateRefused,
    ConfigurationError,
    CredentialsRefused,
    InvalidRequest,
    NotFinesse,
    ResourceConflict,
    Unreachable,
)
from listener.pair import MOST_PATIENCE
from listener.settings.model import Timings
from listener.standing import Polling
from listener.xmpp.contract import Cause, Ending
from listener.xmpp.policy import (
    Backoff,
    Remedy,
    cause_of,
    classify,
    next_delay,
    slow_delay,
    words_of,
)

STOPS = [CredentialsRefused, ResourceConflict, ConfigurationError, InvalidRequest]


@pytest.mark.parametrize("error", STOPS)
def test_what_trying_again_would_make_worse_stops_the_link(error):
    assert classify(error("x")) is Remedy.STOP


@pytest.mark.parametrize("error", [Unreachable, NotFinesse, RuntimeError, OSError])
def test_what_may_pass_is_tried_again(error):
    assert classify(error("x")) is Remedy.RETRY


def test_a_refused_certificate_is_tried_slowly():
    assert classify(CertificateRefused("x")) is Remedy.RETRY_SLOWLY


@pytest.mark.parametrize("cause", list(Cause))
def test_only_a_conflict_among_the_endings_stops_the_link(cause):
    wanted = Remedy.STOP if cause is Cause.CONFLICT else Remedy.RETRY
    assert classify(Ending(cause, "x")) is wanted


def test_the_first_retry_after_a_drop_is_fast():
    assert next_delay(Backoff(), 0, 1.0) < 1.0


def test_delays_double_up_to_the_cap_and_stay_there():
    ceilings = [next_delay(Backoff(), failures, 1.0) for failures in range(8)]
    assert ceilings == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0]
    assert next_delay(Backoff(), 10**9, 1.0) == 8.0


@pytest.mark.parametrize("failures", range(6))
def test_chance_reaches_down_to_no_delay_at_all(failures):
    assert next_delay(Backoff(), failures, 0.0) == 0.0
    assert next_delay(Backoff(), failures, 0.5) == next_delay(Backoff(), failures, 1.0) / 2


def test_the_slow_delay_is_never_shorter_than_slow():
    assert slow_delay(Backoff(), 0.0) == 60.0
    assert slow_delay(Backoff(), 1.0) == pytest.approx(66.0)


def test_the_cap_leaves_time_inside_the_grace_of_finesse():
    assert Backoff().cap * 3 < 60


def test_troubles_have_a_short_name_and_words():
    assert cause_of(Ending(Cause.DTD, "why")) == "dtd"
    assert cause_of(Unreachable("why")) == "Unreachable"
    assert words_of(Ending(Cause.DTD, "why")) == words_of(Unreachable("why")) == "why"
    assert words_of(RuntimeError()) == "RuntimeError"


def test_the_shipped_times_are_those_that_are_promised():
    """What docs/operating.md says of them; a slip would be seen by no test whose times are scaled.

    Asked every 2 s, 2 s for the answer, three failures in 6 s; woken 50 at once, at 200 a second,
    within 10 s; back-off from half a second to 8 s.
    """
    polling, backoff = Polling(), Backoff()
    assert (polling.every, polling.within, polling.patience) == (2.0, 2.0, 3)
    assert (polling.rate, polling.spread, MAX_HANDSHAKES) == (200.0, 10.0, 50)
    assert (polling.calm, polling.slow, polling.lend_again) == (300.0, 60.0, 600.0)
    assert (backoff.base, backoff.factor, backoff.cap) == (0.5, 2.0, 8.0)
    assert (backoff.slow, backoff.stable) == (60.0, 8.0)
    waits = Timings()
    assert (waits.ping_interval, waits.ping_timeout, waits.connect_deadline) == (10.0, 5.0, 10.0)


def test_every_recoverable_fault_is_over_within_30_seconds_by_the_usual_times():
    """As `whereabouts` sums them up, for 1,000 agents; what comes after the handshake is 1 s."""
    waits = Timings()
    backoff, polling = Backoff(), Polling()
    noticed = waits.ping_interval + waits.ping_timeout
    spread = min(polling.spread, 1000 / polling.rate)
    assert noticed + backoff.base + polling.every + spread + 1 <= 30  # a link that died silently
    asked = polling.every + polling.within
    hung = waits.connect_deadline + max(backoff.cap, spread) + asked + 1
    assert hung <= 30  # an attempt that began before the server was back
    moved = (polling.patience - 1) * polling.every + polling.within
    assert moved + polling.spread + 1 <= 30  # to the other node, once it is known that one must


def test_no_change_of_nodes_waits_until_finesse_signs_agents_out():
    polling = Polling()
    assert polling.patience * polling.every * MOST_PATIENCE + polling.spread + 1 < 60
