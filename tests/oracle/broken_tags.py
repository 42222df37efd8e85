"""Planted faults in what a requestId means: section 3.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from listener.correlation import desk, hearing
from listener.correlation.case import Finding, Shown
from listener.finesse.events import DialogEvent, RequestFailed
from tests.oracle.planting import mutant


@mutant("3.01")
def a_tag_matches_across_agents():
    yield hearing, "reaches", lambda _entry, _event: True


@mutant("3.02")
def a_tag_on_a_colleagues_node_is_lost():
    yield hearing, "reaches", lambda e, event: event.owner == e.agent


@mutant("3.04")
def the_same_id_is_the_same_request():
    real = desk.Desk.settle

    def settle(self, now, e, trigger, outcome):
        real(self, now, e, trigger, outcome)
        for other in self.books.with_id(e.request_id):
            if other.on_the_wire and other.agent == e.agent:
                real(self, now, other, trigger, outcome)

    yield desk.Desk, "settle", settle


@mutant("3.05")
def a_repeated_id_names_the_last():
    yield hearing, "sole", lambda tagged: tagged[-1] if tagged else None


@mutant("3.06")
def a_repeated_id_names_the_first():
    yield hearing, "sole", lambda tagged: tagged[0] if tagged else None


@mutant("3.07")
def any_tagged_event_confirms():
    real = hearing.judge

    def judge(case_, sight):
        finding = real(case_, sight)
        return Finding(Shown.EFFECT) if sight.tagged and finding.shown is Shown.NOTHING else finding

    yield hearing, "judge", judge


@mutant("3.08")
def an_error_after_a_tagged_event_is_ignored():
    real = hearing.own_error

    def own_error(desk_, now, e, event):
        if not (e.open and e.tag_seen):
            real(desk_, now, e, event)

    yield hearing, "own_error", own_error


def _tagged(kind):
    real = hearing._tagged

    def tagged(desk_, now, event):
        found = real(desk_, now, event)
        if found or event.request_id is None or not isinstance(event, kind):
            return found
        there = getattr(event, "dialog_id", None)
        return [e for e in desk_.books.on_dialog(there) if e.on_the_wire][:1]

    return hearing, "_tagged", tagged


@mutant("3.09")
def a_foreign_id_confirms_ours():
    yield _tagged(DialogEvent)


@mutant("3.10")
def a_foreign_error_fails_ours():
    yield _tagged(RequestFailed)


@mutant("3.11")
def a_foreign_id_hides_the_state():
    real = hearing._on_dialog

    def on_dialog(desk_, now, event, content, tagged):
        if event.request_id is not None and not tagged:
            return True
        return real(desk_, now, event, content, tagged)

    yield hearing, "_on_dialog", on_dialog
