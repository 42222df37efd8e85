"""A request's own digits are hidden in what Finesse says about it; error codes are kept."""

import pytest
from structlog.testing import capture_logs

from listener import digits, ledger
from listener.correlation.outcome import Evidence, Failed, Reason, Seen, Unconfirmed
from listener.correlation.steps import AnswerKind, Late, RestAnswer
from listener.finesse.actions import Hold, SendDtmf
from listener.finesse.events import RequestFailed
from listener.finesse.model import ApiError
from listener.finesse.sealed import NO_DIGIT
from listener.redaction import HIDDEN
from listener.ticket import Record


def dtmf(string):
    return SendDtmf(agent="1001", dialog_id="5", dtmf_string=string)


def failed(string, **error):
    outcome = Failed(evidence=Evidence.REQUEST_ID, errors=(ApiError(**error),))
    return digits.of_outcome(outcome, dtmf(string)).errors[0]


@pytest.mark.parametrize(
    ("string", "said", "told"),
    [
        ("8642097", "dtmfString 8642097 is bad", "dtmfString *** is bad"),
        ("8642097", "x8642097y", "x***y"),
        ("34", "digits 34 refused", "digits *** refused"),
        ("34", "CF_34 and 1345", "CF_34 and 1345"),
        ("8642097", "digits 8,6,4,2,0,9,7 refused", "digits *** refused"),
        ("8642097", "8 6 4 2 0 9 7", "***"),
        ("8642097", "864-2097", "***"),
        ("86a#", "\uff18 6 A #", "***"),
    ],
)
def test_digits_in_a_message_are_hidden_and_short_ones_only_as_a_word(string, said, told):
    assert failed(string, error_message=said).error_message == told


@pytest.mark.parametrize(
    ("string", "said", "told"),
    [
        ("8642097", "8642097", "***"),
        ("1234", "1234", "***"),
        ("47", "4047", "4047"),
        ("3", "3", "3"),
        ("0102", "20102", "20102"),
    ],
)
def test_an_error_code_that_only_contains_the_digits_is_kept(string, said, told):
    assert failed(string, error_data=said).error_data == told


def test_answers_late_news_and_what_was_seen_are_cleaned_too():
    request = dtmf("864209")
    error = ApiError(error_message="864209?")
    answer = RestAnswer(AnswerKind.REFUSED, 400, (error,), detail="said 864209")
    late = Late("k", "error", 1.0, "864209 late", (error,))
    outcome = Unconfirmed(reason=Reason.DEADLINE, seen=(Seen(1.0, "x", "864209 seen"),))

    assert "864209" not in repr(digits.of_answer(answer, request))
    assert "864209" not in repr(digits.of_late(late, request))
    assert "864209" not in repr(digits.of_outcome(outcome, request))


def test_digits_that_another_client_sent_are_not_told_either():
    error = ApiError(
        error_type="Generic Error", error_message="SEND_DTMF 9,7,5,3 failed", error_data="97531097"
    )
    code = ApiError(error_message="SEND_DTMF failed", error_data="20102")
    event = RequestFailed(node="", errors=(error, code))

    told = digits.of_event(event, ())

    assert [each.error_message for each in told.errors] == [
        "SEND_DTMF *** failed",
        code.error_message,
    ]
    assert [each.error_data for each in told.errors] == ["***", "20102"]
    assert told.errors[0].error_type == "Generic Error"


def test_an_error_about_something_else_is_told_as_it_is():
    event = RequestFailed(node="", errors=(ApiError(error_message="HOLD 9753 failed"),))

    assert digits.of_event(event, ()) is event


def test_other_requests_are_left_as_they_are():
    request = Hold(agent="1001", dialog_id="5")
    answer = RestAnswer(AnswerKind.REFUSED, 400, (ApiError(error_data="22"),))
    late = Late("k", "error", 1.0, "22")
    outcome = Unconfirmed(reason=Reason.DEADLINE)

    assert digits.of_answer(answer, request) is answer
    assert digits.of_late(late, request) is late
    assert digits.of_outcome(outcome, request) is outcome


@pytest.mark.parametrize(
    ("length", "said", "told"),
    [
        (7, "dtmfString 8642097 is bad", "dtmfString *** is bad"),
        (7, "error 4047 at 86420970", "error 4047 at 86420970"),
        (4, "12A# is bad", "*** is bad"),
        (1, "a digit 7 is bad", "a digit *** is bad"),
    ],
)
def test_digits_that_only_their_number_is_known_of_are_hidden_too(length, said, told):
    # a request that came from the journal has marks in place of its digits
    assert failed(NO_DIGIT * length, error_message=said).error_message == told


def test_code_of_the_same_length_is_hidden_where_the_digits_are_not_known():
    assert failed(NO_DIGIT * 4, error_data="4047").error_data == HIDDEN
    assert failed(NO_DIGIT * 7, error_data="4047").error_data == "4047"
    assert failed(NO_DIGIT * 2, error_data="47").error_data == "47"


# ------------------------------------------------------------------- events that name no request


def refused(text, owner="1001", **more):
    errors = (ApiError(error_message=text, error_data="34"),)
    return RequestFailed(node="/finesse/api/User/1001/Dialogs", owner=owner, errors=errors, **more)


def said(event):
    return event.errors[0].error_message


def test_an_error_event_is_told_without_the_digits_of_every_request_that_it_may_be_about():
    event = refused("12345678 1234 5 refused")
    requests = [dtmf("1234"), dtmf("12345678"), dtmf("5"), Hold(agent="1001", dialog_id="5")]
    assert said(digits.of_event(event, requests)) == "*** *** *** refused"
    assert digits.of_event(event, [dtmf("9999")]) is event


def test_an_error_may_speak_of_digits_until_a_minute_after_the_outcome():
    spoken = digits.Spoken()
    spoken.begin("a", dtmf("1234"))
    spoken.begin("b", Hold(agent="1001", dialog_id="5"))
    assert [len(spoken.of(["1001"], now)) for now in (0.0, 1e6)] == [1, 1]
    spoken.end("a", 100.0)
    spoken.end("b", 100.0)
    ended = 100.0 + digits.SPOKEN_OF
    assert [len(spoken.of(["1001"], now)) for now in (101.0, ended, ended + 1)] == [1, 1, 0]
    assert len(spoken) == 0


def test_an_error_that_belongs_to_nobody_may_be_about_everybody():
    spoken = digits.Spoken()
    spoken.begin("a", dtmf("1234"))
    found = [len(spoken.of(agents, 0.0)) for agents in (["1001"], ["1002"], [None], [None, "1001"])]
    assert found == [1, 0, 1, 1]


def test_an_error_that_names_its_request_is_told_without_digits_however_late():
    records = ledger.Ledger()
    moment = ledger.now_utc()
    record = Record("key", "tag", dtmf("82539714"), submitted=moment, submitted_at=0.0)
    records.add(record, ())
    records.settled("key", Unconfirmed(reason=Reason.DEADLINE), 1.0)
    late = 2.0 + digits.SPOKEN_OF
    event = refused("82539714 refused", request_id="tag")
    assert said(records.discreet(event, late)) == "*** refused"
    assert said(records.discreet(refused("82539714 refused"), late)) == "82539714 refused"


def test_digits_of_a_request_that_is_taken_over_are_hidden_before_it_is():
    records = ledger.Ledger()
    moment = ledger.now_utc()
    records.announce(Record("key", "tag", dtmf("82539714"), submitted=moment, submitted_at=0.0))
    assert said(records.discreet(refused("82539714 refused"), 5.0)) == "*** refused"
    assert not records.records


# ---------------------------------------------------------------- what others said


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("key 7391#46 wrong, 739146, 7 3 9 1", "key *** wrong, ***, ***"),
        ("sent 7391 of them", "sent *** of them"),
        ("sent 7-3-9-1-4 of them", "sent *** of them"),
        ("dialog 73915555 is gone", "dialog 73915555 is gone"),
        ("only 739", "only 739"),
    ],
)
def test_the_digits_without_their_marks_and_the_first_of_them_are_hidden_too(said, told):
    assert failed("7391#46", error_message=said).error_message == told


def test_the_first_digits_as_a_code_are_hidden_unless_the_catalogue_knows_the_code():
    assert failed("7391#46", error_data="7391").error_data == HIDDEN
    assert failed("7391#46", error_data="739146").error_data == HIDDEN
    assert failed("10125#", error_data="10125").error_data == HIDDEN, "all but the mark"
    assert failed("101259", error_data="10125").error_data == "10125"


def a_ledger(*requests):
    records = ledger.Ledger()
    for number, request in enumerate(requests):
        moment = ledger.now_utc()
        key = f"key{number}"
        records.add(Record(key, f"tag{number}", request, submitted=moment, submitted_at=0.0), ())
    return records


@pytest.mark.parametrize(
    "other",
    [dtmf("7391#46"), SendDtmf(agent="1002", dialog_id="5", dtmf_string="7391#46")],
    ids=["of the same agent", "in the same call"],
)
def test_late_news_of_one_request_is_told_without_the_digits_of_another(other):
    hold = Hold(agent="1001", dialog_id="5")
    records = a_ledger(hold, other)
    records.settled("key0", Unconfirmed(reason=Reason.DEADLINE), 1.0)
    error = ApiError(error_type="Bad 7391#46", error_message="no 7391#46", error_data="7391#46")

    with capture_logs() as logged:
        kept = records.late(Late("key0", "possible_error", 2.0, "no 7391#46", (error,)), 2.0)

    assert "7391" not in repr(kept)
    assert "7391" not in repr(records.records["key0"].late)
    assert "7391" not in repr(logged)
    assert [each["detail"] for each in logged] == ["no ***"]


def test_an_outcome_is_told_without_the_digits_of_another_request():
    hold = Hold(agent="1001", dialog_id="5")
    records = a_ledger(hold, dtmf("7391#46"))
    records.settled("key1", Unconfirmed(reason=Reason.DEADLINE), 1.0)
    error = ApiError(error_message="no 7391#46")
    refused_ = Failed(evidence=Evidence.SOLE_PENDING, errors=(error,))
    doubtful = Unconfirmed(reason=Reason.DEADLINE, seen=(Seen(1.0, "x", "7391#46"),))
    later = 2.0 + digits.SPOKEN_OF

    soon = [records.discreet_outcome(each, hold, 2.0) for each in (refused_, doubtful)]
    late = [records.discreet_outcome(each, hold, later) for each in (refused_, doubtful)]

    assert "7391" not in repr(soon)
    assert all("7391" in repr(each) for each in late), "nobody speaks of them any more"


def test_what_speaks_of_dtmf_is_told_without_digits_whichever_request_it_is_said_of():
    hold = Hold(agent="1001", dialog_id="5")
    records = a_ledger(hold)
    error = ApiError(error_message="DTMF 7391 refused")
    outcome = Failed(evidence=Evidence.SOLE_PENDING, errors=(error,))

    assert "7391" not in repr(records.discreet_outcome(outcome, hold, 1.0))
    assert "7391" not in repr(records.late(Late("key0", "x", 1.0, "DTMF 7391", (error,)), 1.0))
