"""Planted faults in what an error without an id means: section 5.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from dataclasses import replace

from listener.correlation import (
    accusation,
    bystanders,
    clockwork,
    desk,
    evidence,
    hearing,
    naming,
    objects,
    suspicion,
)
from listener.correlation.outcome import Confirmed, Evidence, Reason, Unconfirmed
from tests.oracle.planting import mutant

# -- whom an error suspects ------------------------------------------------------------------------


@mutant("5.01")
def an_error_on_anothers_node_counts():
    real = hearing.unsigned_error

    def unsigned(desk_, now, event, *, repeated, told):
        agents = {e.agent for e in desk_.books.on_dialog(event.dialog_id)} | {event.owner}
        for agent in sorted(filter(None, agents)):
            real(desk_, now, replace(event, owner=agent), repeated=repeated, told=told)

    yield hearing, "unsigned_error", unsigned


@mutant("5.02")
def an_error_about_another_dialog_suspects():
    yield objects, "concerns", lambda _entry, _dialog_id: True


@mutant("5.03")
def an_error_without_a_source_names_anybody():
    real = accusation.same_object

    def same(e, event):
        return True if (event.dialog_id, event.user_id) == (None, None) else real(e, event)

    yield accusation, "same_object", same
    yield accusation, "names_no_object", lambda _entry, _event: False


@mutant("5.04")
def an_error_about_the_user_suspects_calls():
    real_another, real_same = accusation.names_another_object, accusation.same_object

    def about_user(event):
        return event.dialog_id is None and event.user_id is not None

    def another(desk_, e, event):
        return False if about_user(event) else real_another(desk_, e, event)

    def same(e, event):
        return True if about_user(event) else real_same(e, event)

    yield accusation, "names_another_object", another
    yield accusation, "same_object", same


@mutant("5.05", "MAKE_CALL")
def an_error_about_a_known_call_names_a_new_one():
    yield accusation, "_known", lambda _desk, _entry, _event: None


@mutant("5.06")
def the_action_in_the_message_is_ignored():
    yield accusation, "named_action", lambda _message: None


@mutant("5.08")
def a_foreign_error_counts():
    real = hearing._on_error

    def on_error(desk_, now, event, content, tagged):
        real(desk_, now, event if tagged else replace(event, request_id=None), content, tagged)

    yield hearing, "_on_error", on_error


# -- who else was at work --------------------------------------------------------------------------


@mutant("5.10")
def anothers_change_of_state_is_ignored():
    yield bystanders, "_moved", lambda _own, _was: False


@mutant("5.11")
def anothers_change_of_data_is_ignored():
    real = hearing.unexplained

    def unexplained(concerned, event, before, proven, **blind):
        if before is not None:
            media = event.dialog.media_properties
            seen = replace(before.media_properties, call_variables=media.call_variables)
            before = replace(before, media_properties=seen)
        real(concerned, event, before, proven, **blind)

    yield hearing, "unexplained", unexplained


# -- the only suspect ------------------------------------------------------------------------------


@mutant("5.12")
def nobody_is_ever_named():
    yield suspicion.Suspicion, "sole", property(lambda _self: None)


@mutant("5.13")
def an_unsigned_error_fails_at_once():
    yield accusation, "SETTLES_AFTER", 0.0
    yield naming, "SETTLES_AFTER", 0.0
    yield desk, "SETTLES_AFTER", 0.0


@mutant("5.14")
def the_deadline_names_nobody():
    real = clockwork.resolve

    def resolve(desk_, now, e):
        ripe = [s for s in e.suspicions if now >= s.at + suspicion.SETTLES_AFTER]
        return bool(ripe) and real(desk_, now, e)

    yield clockwork, "resolve", resolve


@mutant("5.15")
def its_own_proof_saves_no_suspect():
    real = evidence.count

    def count(desk_, now, e, held):
        if not any(s.sole == e.key for s in e.suspicions):
            real(desk_, now, e, held)

    yield evidence, "count", count


# -- several suspects ------------------------------------------------------------------------------


def _first(self):
    return min(self.suspects) if self.suspects and not self.barred else None


@mutant("5.16")
def an_unsigned_error_fails_the_first():
    yield suspicion.Suspicion, "sole", property(_first)


@mutant("5.17")
def proof_confirms_none_of_several():
    real = evidence.count

    def count(desk_, now, e, held):
        if not any(len(s.suspects) > 1 for s in e.suspicions):
            real(desk_, now, e, held)

    yield evidence, "count", count


@mutant("5.18")
def the_last_suspect_is_never_named():
    real = suspicion.Suspicion.leave

    def leave(self, key, *, explained):
        del explained
        real(self, key, explained=False)

    yield suspicion.Suspicion, "leave", leave


@mutant("5.19")
def several_suspects_fail_at_their_deadlines():
    real = clockwork.resolve

    def resolve(desk_, now, e):
        if now >= e.deadline:
            for each in e.suspicions:
                each.suspects = {e.key}
        return real(desk_, now, e)

    yield clockwork, "resolve", resolve


@mutant("5.20", "SEND_DTMF", "START_RECORDING")
def a_suspect_is_presumed():
    yield clockwork, "_suspect", lambda _entry: False
    yield clockwork, "unripe", lambda _entry, _now: None
    yield clockwork, "resolve", lambda _desk, _now, _entry: False


# -- settled requests that may own it --------------------------------------------------------------


def _owns(change):
    real = accusation._may_own

    def may_own(tomb, now):
        return change(tomb, now, real(tomb, now))

    return accusation, "_may_own", may_own


def _confirmed_by(tomb, evidence_):
    return isinstance(tomb.outcome, Confirmed) and tomb.outcome.evidence is evidence_


@mutant("5.21")
def who_was_confirmed_by_a_change_owns_nothing():
    yield _owns(lambda tomb, _now, may: may and not _confirmed_by(tomb, Evidence.EXPECTATION))


@mutant("5.22")
def who_was_confirmed_by_a_get_owns_nothing():
    yield _owns(lambda tomb, _now, may: may and not _confirmed_by(tomb, Evidence.SNAPSHOT))


@mutant("5.23")
def who_was_left_unconfirmed_owns_nothing():
    yield _owns(lambda tomb, _now, may: may and not isinstance(tomb.outcome, Unconfirmed))


@mutant("5.24")
def who_was_settled_owns_errors_for_ever():
    def change(tomb, now, may):
        guessed = _confirmed_by(tomb, Evidence.EXPECTATION)
        return may or (guessed and tomb.deadline <= now)

    yield _owns(change)


@mutant("5.25")
def a_possible_owner_is_not_told():
    real = desk.Desk.late

    def late(self, e, late_):
        if late_.kind != "possible_error":
            real(self, e, late_)

    yield desk.Desk, "late", late


@mutant("5.26")
def a_suspect_is_only_late():
    real = clockwork.reason

    def reason(e):
        why = real(e)
        return Reason.DEADLINE if why is Reason.AMBIGUOUS else why

    yield clockwork, "reason", reason
