"""Rules of evidence 8: what the caller sends himself."""

from __future__ import annotations

from listener.correlation.gate import GateMode
from listener.finesse.actions import Hold, SendDtmf
from tests.builders import Story, a_dialog, an_error, an_event, own

HOLD = Hold(agent="agent1", dialog_id="100")
DTMF = SendDtmf(agent="agent1", dialog_id="100", dtmf_string="1")


def test_an_expectation_is_not_sent_by_us() -> None:
    story = Story()
    story.ask(HOLD, expected=True)
    assert story.sent == []


def test_never_heard_of_it_ends_not_reported_after_sixty_seconds() -> None:
    story = Story()
    key = story.ask(HOLD, expected=True)
    story.wait(59.9)
    assert story.said(key)[0] == "open"
    story.wait(0.1)
    assert story.said(key) == ("unconfirmed", "not_reported")


def test_an_untagged_effect_does_not_prove_that_it_was_sent() -> None:
    story = Story()
    key = story.ask(HOLD, expected=True)
    story.hear(an_event(own("HELD")))
    story.wait(60)
    assert story.said(key) == ("unconfirmed", "not_reported")


def test_a_tagged_event_proves_that_it_was_sent_and_what_was_held_counts() -> None:
    story = Story()
    key = story.ask(HOLD, expected=True)
    story.hear(an_event(own("HELD")), an_event(own("HELD"), tag=key))
    assert story.said(key)[0] == "confirmed"


def test_a_tag_on_the_user_also_says_that_it_was_sent() -> None:
    from tests.builders import a_user, a_user_event  # noqa: PLC0415  used here alone

    story = Story()
    key = story.ask(HOLD, expected=True)
    story.hear(an_event(own("HELD")), a_user_event(a_user("TALKING", 1), tag=key))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_tagged_event_alone_keeps_it_open() -> None:
    story = Story()
    key = story.ask(HOLD, expected=True)
    story.hear(an_event(own("ACTIVE", 0), tag=key))
    story.hear(an_event(own("ACTIVE", 0), tag=key))
    story.wait(59)
    assert story.said(key)[0] == "open"
    story.hear(an_event(own("HELD")))
    assert story.said(key) == ("confirmed", "expectation")


def test_a_tagged_error_fails_it() -> None:
    story = Story()
    key = story.ask(HOLD, expected=True)
    story.hear(an_error(tag=key))
    assert story.said(key) == ("failed", "request_id")


def test_an_early_tagged_event_serves_it() -> None:
    # 2: the memory of events before registration serves tagged events
    story = Story()
    story.hear(an_event(own("HELD"), tag="t"))
    key = story.ask(HOLD, id_="t", expected=True)
    story.wait(60)
    assert story.said(key) == ("confirmed", "request_id")


def test_an_early_tagged_error_fails_it_at_once() -> None:
    story = Story()
    story.hear(an_error(tag="t"), an_error(tag="t"))
    key = story.ask(HOLD, id_="t", expected=True)
    assert story.said(key) == ("failed", "request_id")


def test_early_events_of_another_agent_or_too_old_do_not_serve_it() -> None:
    story = Story()
    story.hear(an_error(tag="t", owner="agent2", dialog_id="999"))
    story.hear(an_error(tag="u"))
    story.wait(61)
    first = story.ask(HOLD, id_="t", expected=True)
    second = story.ask(HOLD, id_="u", expected=True)
    assert story.said(first)[0] == story.said(second)[0] == "open"


def test_an_early_event_with_a_repeated_id_serves_neither() -> None:
    # 3
    story = Story()
    story.hear(an_error(tag="t", dialog_id="100"))
    story.ask(HOLD, id_="t", expected=True)
    story.hear(an_error(tag="v", owner="agent2"))
    story.ask(HOLD, id_="v")
    key = story.ask(HOLD, id_="v", expected=True, allow_repeat=True)
    assert story.said(key)[0] == "open"


def test_an_early_user_event_serves_it_as_far_as_it_goes() -> None:
    from listener.finesse.actions import Ready  # noqa: PLC0415  used here alone
    from tests.builders import a_user, a_user_event  # noqa: PLC0415  used here alone

    story = Story()
    story.hear(a_user_event(a_user("READY", 1), tag="t"))
    key = story.ask(Ready(agent="agent1"), id_="t", expected=True)
    story.wait(60)
    assert story.said(key) == ("confirmed", "request_id")


def test_a_reported_refusal_ends_it_rejected() -> None:
    story = Story()
    key = story.ask(HOLD, expected=True)
    story.refuse(key, 401)
    assert story.said(key) == ("rejected", None)
    assert story.outcomes[key].status == 401


def test_a_reported_202_starts_the_actions_own_deadline() -> None:
    story = Story()
    key = story.ask(HOLD, expected=True)
    story.wait(10)
    story.accept(key)
    story.wait(20)
    assert story.said(key) == ("unconfirmed", "deadline")


def test_a_deadline_that_the_caller_gave_stays() -> None:
    story = Story()
    key = story.ask(HOLD, expected=True, length=30.0)
    story.accept(key)
    story.wait(29)
    story.hear(an_event(own("HELD")))
    assert story.said(key) == ("confirmed", "expectation")


def test_nothing_is_presumed_without_a_report() -> None:
    story = Story()
    key = story.ask(DTMF, expected=True)
    story.wait(60)
    assert story.said(key) == ("unconfirmed", "not_reported")


def test_a_reported_202_lets_silence_speak() -> None:
    story = Story()
    key = story.ask(DTMF, expected=True)
    story.accept(key)
    story.wait(5.3)
    assert story.said(key) == ("presumed", None)


def test_an_expectation_never_holds_the_gate() -> None:
    for gate in (GateMode.QUEUE, GateMode.REFUSE):
        story = Story(gate=gate)
        story.ask(HOLD, expected=True)
        key = story.ask(HOLD)
        assert story.sent == [key]
        expected = story.ask(HOLD, expected=True)
        story.abandon(expected)
        assert story.said(expected) == ("abandoned", "caller")


def test_an_expectation_nobody_heard_of_is_not_named_by_an_unsigned_error() -> None:
    # 5, 8
    story = Story()
    key = story.ask(DTMF, expected=True)
    story.hear(an_error())
    story.wait(60)
    assert story.said(key) == ("unconfirmed", "not_reported")


def test_an_expectation_is_a_possible_owner_of_an_unsigned_error() -> None:
    story = Story()
    expected, sent = story.ask(DTMF, expected=True), story.accepted(HOLD)
    story.hear(an_error())
    story.wait(60)
    assert story.said(sent) == ("unconfirmed", "ambiguous")
    assert story.said(expected) == ("unconfirmed", "not_reported")


def test_no_get_is_made_for_what_nobody_reported() -> None:
    story = Story(a_dialog())
    story.ask(HOLD, expected=True)
    story.wait(59)
    assert story.asks == []
