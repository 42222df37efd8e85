"""Planted faults: the program with one rule of evidence broken at a time.

Each mutant changes one place, and names the rule (the numbers of docs/outcomes.md's source rules).
The oracle must find it out; `seeds.json` has a story that does. `UNSEEN` names the rules whose
breaking no story can show, and why; each has unit tests of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from listener import restoring, service, translation
from listener.correlation import (
    accusation,
    admission,
    answering,
    books,
    case,
    clockwork,
    correlator,
    desk,
    entry,
    evidence,
    gate,
    hearing,
    looks,
    picture,
    suspicion,
    verdict,
)
from listener.correlation.case import NOTHING, Finding, How, Shown
from listener.correlation import judges
from listener.correlation.judges import calls, data, states, transfers
from listener.correlation.outcome import Evidence, Failed
from listener.correlation.pending import State, Trigger
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.finesse.actions import expectation as x
from listener.rest import judge as rest_judge
from listener.rest.values import AnswerKind as RestKind
from tests.oracle.story import Story, generate

SEEDS = Path(__file__).with_name("seeds.json")
UNSEEN = {
    "2: what was heard before a registration serves tagged events only": (
        "an id that another client used before is only told apart by when it was heard;"
        " tests/unit/correlation/test_tags.py"
    ),
    "3: a tag counts on the agent's nodes and the request's dialogs only, for shared dialogs": (
        "two clients with one id on one dialog cannot be told apart by anybody"
    ),
    "6.1: the new call comes from our extension": (
        "an agent's own node shows no call to the number that was dialled which is not the agent's"
    ),
    "6.5: FAILED with a stateCause fails a TRANSFER_SST": (
        "the simulated switch keeps the call with the agent instead;"
        " tests/unit/correlation/test_transfers.py"
    ),
    "7: the DROP's second GET, and `finesse` away": (
        "the simulated Finesse never lists too little; tests/unit/correlation/test_snapshots.py"
    ),
    "10: a clock set back": "the world's clocks only go forward; tests/fault/test_wall_clock.py",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One rule broken. `plant` gives what to patch: (object, name, new value)."""

    name: str
    rule: str
    plant: Callable[[], Iterator[tuple[Any, str, Any]]]
    focus: tuple[str, ...] = ()

    def story(self, seed: int) -> Story:
        """Return the story of that seed, about what the rule is about."""
        return generate(seed, ASKS, self.focus, stress=True)

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Break the rule for as long as this lasts."""
        with ExitStack() as stack:
            for where, name, new in self.plant():
                if isinstance(name, type):  # one entry of the table of judges
                    where, name, new = judges, "JUDGES", {**judges.JUDGES, name: new}
                stack.enter_context(mock.patch.object(where, name, new))
            yield


ASKS = 40
MUTANTS: dict[str, Mutant] = {}


def mutant(rule: str, *focus: str) -> Callable[[Any], Any]:
    """Register a function that yields patches as the mutant of its name."""

    def keep(plant: Any) -> Any:
        MUTANTS[plant.__name__] = Mutant(plant.__name__, rule, plant, focus)
        return plant

    return keep


def seeds() -> dict[str, int]:
    """Return for each mutant the seed of a story that finds it out."""
    return json.loads(SEEDS.read_text(encoding="utf-8")) if SEEDS.exists() else {}


def keep(name: str, seed: int | None) -> None:
    """Write down the seed of a story that finds a mutant out, or (None) that there is none."""
    found = seeds()
    found.pop(name, None)
    if seed is not None:
        found[name] = seed
    SEEDS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")


# -- 2: the REST answer ---------------------------------------------------------------------------


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


# -- 3: tags --------------------------------------------------------------------------------------


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


# -- 4: untagged change ---------------------------------------------------------------------------


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
    yield hearing, "without_others_share", lambda found, _now: found


# -- 5: untagged errors -----------------------------------------------------------------------------


@mutant("5: an untagged error fails nobody before 2 s")
def an_unsigned_error_fails_at_once():
    yield accusation, "SETTLES_AFTER", 0.0
    yield desk, "SETTLES_AFTER", 0.0


@mutant("5: several suspects stay open")
def an_unsigned_error_fails_the_first():
    yield (
        suspicion.Suspicion,
        "sole",
        property(lambda s: min(s.suspects) if s.suspects and not s.barred else None),
    )


@mutant("5: an error with a foreign id is not ours")
def a_foreign_error_counts():
    real = hearing._on_error

    def on_error(desk_, now, event, content, tagged):
        real(desk_, now, event if tagged else replace(event, request_id=None), content, tagged)

    yield hearing, "_on_error", on_error


@mutant("5: an error counts on the requesting agent's own node")
def an_error_on_anothers_node_counts():
    real = accusation.unsigned_error

    def unsigned(desk_, now, event, *, repeated):
        agents = {e.agent for e in desk_.books.on_dialog(event.dialog_id)} | {event.owner}
        for agent in sorted(filter(None, agents)):
            real(desk_, now, replace(event, owner=agent), repeated=repeated)

    yield hearing, "unsigned_error", unsigned


@mutant("5: a message that names an action names ours")
def the_message_is_ignored():
    yield accusation, "_fits", lambda _entry, _event: True


@mutant("5: the request is open on the dialog that the error names")
def the_source_is_ignored():
    yield accusation, "_names_another_object", lambda _entry, _event: False
    yield accusation, "_same_object", lambda _entry, _event: True
    yield accusation, "_known", lambda _desk, _entry, _event: None


@mutant("5: nothing else unexplained changed on that object")
def others_at_work_are_ignored():
    yield hearing, "foreign", lambda _desk, _event: None
    yield hearing, "unexplained", lambda *_a, **_k: None


@mutant("5: a request that was confirmed by a guess may own the error")
def settled_owners_are_ignored():
    yield accusation, "_other_owners", lambda _desk, _now, _event: False


@mutant("5: a suspect DTMF is never presumed")
def a_suspect_is_presumed():
    yield clockwork, "_suspect", lambda _entry: False
    yield clockwork, "unripe", lambda _entry, _now: None
    yield clockwork, "resolve", lambda _desk, _now, _entry: False


# -- 6: per action ----------------------------------------------------------------------------------


@mutant("6.1: INITIATING and INITIATED prove nothing before the deadline")
def initiating_confirms():
    yield calls, "PROVEN", frozenset({"INITIATING", "INITIATED", "ALERTING", "ACTIVE"})


@mutant("6.1: the number is the one that was asked for")
def the_number_is_ignored():
    yield calls, "_target", lambda _want, _dialog: True


@mutant("6.1: the dialog is not in the baseline")
def an_old_call_counts():
    yield case.Case, "is_new", lambda _self, _sight: True


@mutant("6.1: FAILED fails it")
def a_failed_call_is_ignored():
    yield calls, "_has_failed", lambda _dialog, _own: False


@mutant("6.2: the own participant's state, never the dialog's")
def the_dialogs_state_is_taken():
    def own_state(case_, want, sight):
        if not case_.about(sight) or sight.dialog is None or sight.how is How.REMOVED:
            return NOTHING
        there = {sight.dialog.state, *(p.state for p in sight.dialog.participants)}
        return Finding(Shown.EFFECT) if there & want.states else NOTHING

    yield judges, x.OwnState, own_state


@mutant("6.3: a DELETE proves DROP only when the call does not go on", "DROP", "CONFERENCE")
def a_delete_proves_drop_at_once():
    yield states, "QUIET_AFTER_DELETE", 0.0
    yield hearing, "_follow", lambda _desk, _event: None


@mutant("6.3: DROP needs the own participant off the call since the request")
def being_off_already_proves_drop():
    yield states, "_was_off", lambda _case: False


@mutant("6.4: two untagged DELETEs are also two hang-ups", "TRANSFER")
def two_deletes_prove_a_transfer():
    def both_gone(case_, sight):
        if sight.how is How.REMOVED and sight.dialog_id in transfers.pair(case_):
            case_.gone |= {sight.dialog_id}
        done = case_.gone >= transfers.pair(case_)
        return Finding(Shown.EFFECT) if done else NOTHING

    yield transfers, "_both_gone", both_gone


@mutant("6.4: CONFERENCE needs both others", "CONFERENCE")
def being_active_proves_a_conference():
    def conferenced(case_, _want, sight):
        own = sight.dialog.participant(case_.own) if sight.dialog is not None else None
        there = case_.about(sight) and own is not None and own.state == "ACTIVE"
        return Finding(Shown.EFFECT, "ACTIVE") if there else NOTHING

    yield judges, x.Conferenced, conferenced


@mutant("6.5: leaving without a tag is also a hang-up", "TRANSFER_SST")
def leaving_proves_a_single_step_transfer():
    real = transfers.sent_away

    def sent_away(case_, want, sight):
        finding = real(case_, want, sight)
        return Finding(Shown.EFFECT) if finding.shown is Shown.ENDED else finding

    yield judges, x.SentAway, sent_away


@mutant("6.6: presumed only behind a fence", "SEND_DTMF", "START_RECORDING")
def presumed_without_a_fence():
    real = clockwork._window

    def window(desk_, now, e):
        real(desk_, now, e)
        if e.open and e.fence_due is not None:
            clockwork.fenced(desk_, now, e, passed=True)

    yield clockwork, "_window", window


@mutant("6.6: presumed only without a gap", "SEND_DTMF", "START_RECORDING")
def presumed_in_a_gap():
    def fenced(desk_, now, e, *, passed):
        del passed
        if e.fence_due is None:
            return
        e.fence_due = None
        if e.accepted:
            e.state = State.ACCEPTED
            desk_.settle(now, e, Trigger.PRESUME, verdict.presumed(e, now))

    yield clockwork, "_could_be_known", lambda _desk, _entry: True
    yield clockwork, "fenced", fenced


@mutant("6.6: the window is 5 s and 0.3 s per digit", "SEND_DTMF", "START_RECORDING")
def the_window_is_short():
    real = desk.Desk.start_window

    def start_window(self, start, e):
        real(self, start, e)
        e.window_due = start + 1.0
        self.rearm(e)

    yield desk.Desk, "start_window", start_window


@mutant("6.6: the window begins when the DTMF before it is settled", "SEND_DTMF")
def the_chain_is_ignored():
    yield desk.Desk, "first_in_chain", lambda _self, _entry: True


@mutant("6.6: presumed needs a 202", "SEND_DTMF", "START_RECORDING")
def a_doubtful_answer_opens_the_window():
    real = answering.answered

    def answered(desk_, now, e, answer):
        if e.silent and answer.kind is AnswerKind.DOUBTFUL:
            answer = RestAnswer(AnswerKind.ACCEPTED, 202)
        real(desk_, now, e, answer)

    yield answering, "answered", answered


@mutant("6.6: a tagged event confirms at the window's end", "SEND_DTMF", "START_RECORDING")
def a_tagged_event_confirms_silence_at_once():
    def silence(_case, _want, sight):
        return Finding(Shown.EFFECT, by_id=True) if sight.tagged else NOTHING

    yield judges, x.Silence, silence


@mutant("6.7: values compare exactly, never trimmed", "UPDATE_CALL_DATA")
def values_are_trimmed():
    real = data.requested

    def trimmed(want):
        return {k: v.strip() if isinstance(v, str) else v for k, v in real(want).items()}

    shown = data.shown_values

    def shown_trimmed(names, dialog):
        found = shown(names, dialog)
        return {k: v.strip() if isinstance(v, str) else v for k, v in found.items()}

    yield data, "requested", trimmed
    yield data, "shown_values", shown_trimmed


@mutant("6.7: truncation counts for ECC only, and since the request", "UPDATE_CALL_DATA")
def any_prefix_is_a_truncation():
    def cut(_name, asked, now, _before):
        whole = isinstance(asked, str) and isinstance(now, str)
        return whole and asked != now and asked.startswith(now)

    yield data, "_truncated", cut


@mutant("6.7: some set and some not is a failure", "UPDATE_CALL_DATA")
def a_part_is_enough():
    real = data.call_data

    def call_data(case_, want, sight):
        finding = real(case_, want, sight)
        return replace(finding, shown=Shown.EFFECT) if finding.shown is Shown.PARTLY else finding

    yield judges, x.CallData, call_data


@mutant("6.7: a GET fails it 15 s after acceptance at the earliest", "UPDATE_CALL_DATA")
def a_get_fails_data_too_soon():
    yield evidence, "GET_FAILS_AFTER", 0.0


@mutant("6.7: of two updates the earlier cannot be judged by values", "UPDATE_CALL_DATA")
def superseded_is_ignored():
    yield desk, "_superseded", lambda _entry: None


@mutant("6.8: a preview's untagged end proves CLOSE only if it was never taken", "CLOSE", "REJECT")
def any_end_of_a_preview_closes_it():
    def ended(case_, _want, sight):
        there = case_.mine(sight) and case_.about(sight) and sight.how is How.REMOVED
        return Finding(Shown.EFFECT) if there else NOTHING

    yield judges, x.ReservationEnded, ended


@mutant("6.8: CANCEL_SCHEDULED_CALLBACK needs a baseline that had it", "CANCEL_SCHEDULED_CALLBACK")
def no_callback_is_a_cancelled_one():
    def cancelled(case_, _want, sight):
        if not case_.about(sight) or sight.dialog is None or sight.how is How.REMOVED:
            return NOTHING
        info = sight.dialog.scheduled_callback_info
        return Finding(Shown.EFFECT) if info is None else NOTHING

    yield judges, x.CallbackCancelled, cancelled


@mutant("6.8: nonvoice TRANSFER and CLOSE need our id", "TASK_CLOSE", "TASK_TRANSFER")
def any_end_of_a_task_proves_it():
    def task_ended(case_, _want, sight):
        there = case_.mine(sight) and case_.about(sight) and sight.how is How.REMOVED
        return Finding(Shown.EFFECT) if there else NOTHING

    yield judges, x.TaskEnded, task_ended


@mutant("6.9: the reason code is the one that was given", "NOT_READY")
def the_reason_is_ignored():
    real = states.user_state

    def user_state(case_, want, sight):
        return real(case_, replace(want, reason_code_id=None), sight)

    yield judges, x.UserState, user_state


@mutant("6.9: stateChangeTime must be newer", "READY", "NOT_READY", "WORK")
def an_old_user_state_counts():
    yield states, "_user_moved", lambda _case, _user: Shown.EFFECT


@mutant("6.9: RESERVED or TALKING after READY proves it only when tagged", "READY")
def talking_proves_ready():
    real = states.user_state

    def user_state(case_, want, sight):
        finding = real(case_, want, sight)
        weak = finding.shown is Shown.IF_TAGGED and finding.stage in want.weak_states
        return replace(finding, shown=Shown.EFFECT) if weak else finding

    yield judges, x.UserState, user_state


@mutant("6.10: a dialog's end leaves 2 s for what may still arrive")
def no_grace_after_the_end():
    yield evidence, "GRACE", 0.0


# -- 7: snapshots -----------------------------------------------------------------------------------


@mutant("7: a GET counts when it was sent after the 202")
def a_get_from_before_the_answer_counts():
    yield looks, "_counts", lambda _entry, look: look.ok


@mutant("7: an event that came into the answer makes it prove nothing")
def an_overtaken_get_counts():
    yield looks, "_overtaken", lambda _desk, _entry, _look: False


@mutant("7: absence proves nothing for TRANSFER, TRANSFER_SST", "TRANSFER", "TRANSFER_SST")
def absence_proves_a_transfer():
    real = looks.looked

    def looked(desk_, now, e, look):
        real(desk_, now, e, look)
        want = isinstance(e.case.expectation, x.Transferred | x.SentAway)
        if e.open and want and look.dialogs is not None:
            ids = {d.id for d in look.dialogs}
            if not ids & e.case.ids:
                held = entry.Held(Finding(Shown.EFFECT), Evidence.SNAPSHOT)
                evidence.count(desk_, now, e, held)

    yield looks, "looked", looked
    yield evidence, "GRACE", 30.0


@mutant("7: the probe goes out before the deadline")
def nobody_asks():
    yield clockwork, "_probe", lambda _desk, _now, _entry: None
    yield looks, "_counts", lambda _entry, _look: False


@mutant("7: the deadline is never extended")
def the_deadline_is_extended():
    real = clockwork.arm

    def arm(desk_, now, e, start):
        real(desk_, now, e, start + 10.0)

    yield clockwork, "arm", arm


@mutant("7: what comes after the outcome is late")
def late_news_changes_the_outcome():
    real = service.Service._late

    def late(self, step):
        real(self, step)
        record = self.records.get(step.key)
        if record is not None and step.errors:
            record.outcome = Failed(evidence=Evidence.SOLE_PENDING, errors=step.errors)
            self._watch(record)

    yield service.Service, "_late", late


# -- 8: expectations --------------------------------------------------------------------------------


@mutant("8: without a report nothing is presumed", "SEND_DTMF", "START_RECORDING")
def an_announcement_is_an_answer():
    real = admission.enter

    def enter(desk_, now, e, registration):
        real(desk_, now, e, registration)
        if e.expected:
            answering.answered(desk_, now, e, RestAnswer(AnswerKind.ACCEPTED, 202))

    yield correlator.admission, "enter", enter


@mutant("8: a reported refusal ends it rejected")
def a_reported_refusal_is_doubtful():
    yield translation, "_kind_of", lambda _status, _errors: AnswerKind.DOUBTFUL


@mutant("8: what was never reported nor heard of is not confirmed by a change")
def a_change_proves_what_was_never_sent():
    yield entry.Entry, "answered", property(lambda e: e.expected or e.answered_at is not None)


@mutant("8: an expectation never holds the gate")
def an_expectation_holds_the_gate():
    real = admission.enter

    def enter(desk_, now, e, registration):
        if e.expected:
            desk_.gate.hold(e.device, e.key, e.request.gate)
        real(desk_, now, e, registration)

    yield correlator.admission, "enter", enter


# -- 9: the gate ------------------------------------------------------------------------------------


@mutant("9: one request that changes a call's state per device")
def the_gate_never_holds():
    yield gate.Lane, "admits", lambda _self, _gate: True


@mutant("9: UPDATE_CALL_DATA and the like leave the gate at their 202", "UPDATE_CALL_DATA")
def data_holds_the_gate():
    yield gate.Lane, "admits", lambda self, _gate: not self.holders
    real = desk.Desk.release

    def release(self, now, e):
        if not e.open:
            real(self, now, e)

    yield desk.Desk, "release", release


@mutant("9: what waits past its deadline is not sent")
def sent_past_its_deadline():
    def out(self, now, waiting):
        self.dispatch(now, waiting)

    yield desk.Desk, "_let_one_out", out
    real = clockwork._deadline

    def deadline(desk_, now, e):
        if e.state == "queued":
            e.deadline += 30.0
        else:
            real(desk_, now, e)

    yield clockwork, "_deadline", deadline


@mutant("9: the drop-in is never delayed")
def the_drop_in_waits():
    real = service.intake.registration

    def registration(*args, **kwargs):
        return replace(real(*args, **kwargs), ungated=False)

    yield service.intake, "registration", registration


# -- 10: time, and the next process -----------------------------------------------------------------


@mutant("10: after a restart there is no more time than was left")
def a_restart_gives_more_time():
    yield restoring, "left_of", lambda stored, _now: stored.length + 20.0
    yield restoring, "WITHIN", 100.0


@mutant("10: a restart is a gap")
def a_restart_is_no_gap():
    real = correlator.Correlator.adopt

    def adopt(self, *args, **kwargs):
        kwargs["gap"] = False
        return real(self, *args, **kwargs)

    yield correlator.Correlator, "adopt", adopt
    yield entry.Entry, "gap_since_sending", lambda _self: False


@mutant("2, 10: what may have been sent is never sent again")
def a_restart_sends_again():
    real = restoring._adopt

    def adopt(service_, stored, now, loop):
        if stored.answer is None and not stored.record.expected:
            age = restoring._age(stored, now)
            service_.take_on(stored.record_at(loop - age), stored.registration, age=age)
        else:
            real(service_, stored, now, loop)

    yield restoring, "_adopt", adopt
