"""Planted faults in what is made of answers, tags and changes: sections 2 to 4.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from listener import translation
from listener.correlation import (
    answering,
    books,
    case,
    entry,
    hearing,
    looks,
    picture,
)
from listener.correlation.case import Finding, Shown
from listener.correlation.judges import states
from listener.correlation.steps import AnswerKind
from listener.rest import judge as rest_judge
from listener.rest.values import AnswerKind as RestKind
from tests.oracle.planting import mutant

# -- 2: the REST answer --------------------------------------------------------------------------


@mutant("2: evidence without our id is held until Finesse has answered")
def counts_before_the_answer():
    yield entry.Entry, "answered", property(lambda _self: True)


@mutant("2: a 500, and a 503 without ApiErrors, are in doubt")
def any_5xx_is_a_refusal():
    yield rest_judge, "_refuses", lambda status, _errors: status >= 400


@mutant("2: a 4xx is a refusal")
def a_refusal_is_doubtful():
    yield rest_judge, "_refuses", lambda _status, _errors: False


@mutant("2: whether bytes left is traced, not guessed from the lack of an answer")
def no_answer_is_not_sent():
    real = rest_judge._kind

    def kind(raw, request_id, errors):
        return (
            (RestKind.NOT_SENT, "guessed") if raw.status is None else real(raw, request_id, errors)
        )

    yield rest_judge, "_kind", kind


@mutant("2: no silent repeat")
def sends_again_without_an_answer():
    real = translation.RestWire.send

    async def send(self, request, request_id):
        answer = await real(self, request, request_id)
        again = answer.kind is AnswerKind.DOUBTFUL and answer.status is None
        return await real(self, request, request_id) if again else answer

    yield translation.RestWire, "send", send


@mutant("2: the deadline runs from the 202")
def deadline_from_submission():
    real = answering._arm
    yield answering, "_arm", lambda desk_, now, e, _start: real(desk_, now, e, e.submitted)


# -- 3: tags -------------------------------------------------------------------------------------


@mutant("3: a tag matches its own agent's nodes and dialogs only")
def a_tag_matches_across_agents():
    yield hearing, "reaches", lambda _entry, _event: True


@mutant("3: a repeated id names nobody")
def a_repeated_id_names_the_last():
    yield hearing, "sole", lambda tagged: tagged[-1] if tagged else None


@mutant("3: a tagged event proves nothing until the effect is there")
def any_tagged_event_confirms():
    real = hearing.judge

    def judge(case_, sight):
        finding = real(case_, sight)
        return Finding(Shown.EFFECT) if sight.tagged and finding.shown is Shown.NOTHING else finding

    yield hearing, "judge", judge


@mutant("3: a foreign id takes nothing away from the state it shows")
def a_foreign_id_hides_the_state():
    real = hearing._on_dialog

    def on_dialog(desk_, now, event, content, tagged):
        if event.request_id is not None and not tagged:
            return True
        return real(desk_, now, event, content, tagged)

    yield hearing, "_on_dialog", on_dialog


# -- 4: untagged change --------------------------------------------------------------------------


@mutant("4: it must be a change since the request")
def the_baseline_is_ignored():
    yield case.Case, "moved", lambda _self, _now: Shown.EFFECT


@mutant("4: the value must differ, equal times are no change")
def an_unchanged_value_counts():
    real = case.Case.moved

    def moved(self, now):
        shown = real(self, now)
        return Shown.EFFECT if shown is Shown.UNCHANGED else shown

    yield case.Case, "moved", moved


@mutant("4: stateChangeTime may not be older than the baseline's", "HOLD", "RETRIEVE")
def an_older_change_counts():
    yield case, "older", lambda _text, _than: False


@mutant("4: without a baseline only what is later than the Date of the answer counts")
def the_date_is_ignored():
    yield case, "after", lambda _text, _moment: True
    yield states, "after", lambda _text, _moment: True


@mutant("4: a repeated item id, and a content published again, are no news")
def repeats_are_news():
    yield books.Books, "heard_before", lambda _self, _node, _item: False
    yield picture.AgentPicture, "news", lambda _s, _id, _content, _now: picture.News.NEW
    yield picture.AgentPicture, "error_repeats", lambda _s, _content, _now, _within: False


@mutant("4: one untagged change confirms one request at most")
def one_change_confirms_two():
    yield hearing, "contests", lambda *_args: None
    yield looks, "_twins", lambda _desk, _now, _entry: None


@mutant("4: what is another's by its id is not ours")
def anothers_change_confirms():
    yield hearing, "without_others_share", lambda found, *_: found
