"""Planted faults in what an error without an id means: section 5.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from dataclasses import replace

from listener.correlation import (
    accusation,
    clockwork,
    desk,
    hearing,
    suspicion,
)
from tests.oracle.planting import mutant

# -- 5: untagged errors --------------------------------------------------------------------------


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


@mutant("5: a suspect DTMF is never presumed", "SEND_DTMF", "START_RECORDING")
def a_suspect_is_presumed():
    yield clockwork, "_suspect", lambda _entry: False
    yield clockwork, "unripe", lambda _entry, _now: None
    yield clockwork, "resolve", lambda _desk, _now, _entry: False
