"""The table of states: every cell that is there, every cell that is not."""

from __future__ import annotations

import itertools

import pytest

from listener.correlation.entry import Entry
from listener.correlation.pending import (
    FINAL,
    TRANSITIONS,
    IllegalTransition,
    State,
    Trigger,
    after,
    diagram,
)
from listener.finesse.actions import Hold
from tests.builders import Story

ROWS = """\
queued   dispatch sent
queued   refuse   rejected
queued   gap      queued
queued   expire   rejected
queued   withdraw rejected
sent     accept   accepted
sent     refuse   rejected
sent     doubt    in_doubt
sent     gap      in_doubt
sent     prove    confirmed
sent     fail     failed
sent     expire   unconfirmed
sent     withdraw abandoned
accepted gap      in_doubt
accepted presume  presumed
accepted prove    confirmed
accepted fail     failed
accepted expire   unconfirmed
accepted withdraw abandoned
in_doubt accept   in_doubt
in_doubt refuse   rejected
in_doubt doubt    in_doubt
in_doubt gap      in_doubt
in_doubt prove    confirmed
in_doubt fail     failed
in_doubt expire   unconfirmed
in_doubt withdraw abandoned"""
CELLS = {(State(a), Trigger(b)): State(c) for a, b, c in (row.split() for row in ROWS.splitlines())}
EVERY = list(itertools.product(State, Trigger))
MISSING = [cell for cell in EVERY if cell not in CELLS]


def an_entry(state: State) -> Entry:
    story = Story()
    entry = story.correlator.entry(story.ask(Hold(agent="agent1", dialog_id="100")))
    assert entry is not None
    entry.state = state
    return entry


@pytest.mark.parametrize(("cell", "to"), CELLS.items(), ids=str)
def test_a_cell_of_the_table_moves_the_request(cell: tuple[State, Trigger], to: State) -> None:
    entry = an_entry(cell[0])
    entry.fire(cell[1])
    assert entry.state is to


@pytest.mark.parametrize(("state", "trigger"), MISSING)
def test_a_missing_cell_raises_and_nothing_changed(state: State, trigger: Trigger) -> None:
    entry = an_entry(state)
    before = {name: repr(getattr(entry, name)) for name in Entry.__slots__}
    with pytest.raises(IllegalTransition, match=f"{trigger} in state {state}"):
        entry.fire(trigger)
    assert {name: repr(getattr(entry, name)) for name in Entry.__slots__} == before


def test_the_table_has_these_cells_and_no_others() -> None:
    assert {(s, t): to for s, row in TRANSITIONS.items() for t, to in row.items()} == CELLS


def test_a_final_state_is_never_left() -> None:
    assert len(FINAL) == 6
    assert all(not TRANSITIONS[state] for state in FINAL)


def test_silence_is_presumed_only_after_a_202_without_a_gap() -> None:
    # 1: we were certainly listening
    assert [s for s in State if Trigger.PRESUME in TRANSITIONS[s]] == [State.ACCEPTED]


def test_rejected_follows_only_where_nothing_can_have_been_done() -> None:
    # 1: the only outcome after which repeating is safe
    assert {s for s, row in TRANSITIONS.items() if State.REJECTED in row.values()} == {
        State.QUEUED,
        State.SENT,
        State.IN_DOUBT,
    }
    assert after(State.IN_DOUBT, Trigger.EXPIRE) is State.UNCONFIRMED


def test_the_diagram_shows_each_move_and_no_standing_still() -> None:
    lines = diagram().splitlines()
    assert "    [*] --> queued" in lines
    assert "    sent --> in_doubt: doubt" in lines
    assert "    rejected --> [*]" in lines
    assert not any("in_doubt --> in_doubt" in line for line in lines)


def test_the_diagram_is_the_same_in_every_run() -> None:
    ends = [line.split()[0] for line in diagram().splitlines() if line.endswith("[*]")]
    assert ends == [str(state) for state in State if state in FINAL]
