"""The inbox hands over in order; the backlog is bounded and drops the least important first."""

from __future__ import annotations

import threading

from listener.journal.encoding import Statement, Written
from listener.journal.parcels import Backlog, Inbox, Parcel, highest
from listener.journal.rows import After, Answered, Event, Going, Intent, Settled


def row(kind, weight=10, sequence=0):
    return Written(kind, (Statement("", ()),), weight, sequence)


def parcel(*written):
    return Parcel((), None, list(written))


def test_items_are_taken_in_order_at_most_so_many():
    inbox = Inbox()
    parcels = [parcel() for _ in range(5)]
    for each in parcels:
        inbox.add(each)
    assert inbox.take(3, None) == (parcels[:3], True)
    assert inbox.take(3, None) == (parcels[3:], True)
    assert inbox.take(3, 0) == ([], True)


def test_a_closed_inbox_is_emptied_first():
    inbox = Inbox()
    parcels = [parcel(), parcel()]
    for each in parcels:
        inbox.add(each)
    inbox.close()
    assert inbox.take(1, None) == (parcels[:1], True)
    assert inbox.take(1, None) == (parcels[1:], False)
    assert inbox.take(1, None) == ([], False)


def test_whoever_waits_is_woken_by_an_item_and_by_the_end():
    inbox, taken = Inbox(), []

    def wait():
        more = True
        while more:
            items, more = inbox.take(9, None)
            taken.extend(items)

    thread = threading.Thread(target=wait)
    thread.start()
    item = parcel()
    inbox.add(item)
    inbox.close()
    thread.join(20)
    assert taken == [item]
    assert inbox.closed_within(20)


def test_what_would_have_had_to_wait_is_not_kept():
    backlog = Backlog()
    backlog.keep(parcel(row(Intent), row(Going)))
    assert len(backlog) == 0
    backlog.keep(parcel(row(Intent), row(Settled)))
    assert (len(backlog), backlog.rows, backlog.weight) == (1, 1, 10)


def test_events_go_first_oldest_first_then_late_ones_answers_and_outcomes():
    backlog = Backlog(max_rows=10)
    kinds = (Settled, Answered, After, Event)
    for number in range(1, 6):
        backlog.keep(parcel(*(row(kind, sequence=(kind is Event) * number) for kind in kinds)))
    assert dict(backlog.shed()) == {"Event": 5, "After": 5, "Answered": 1}
    assert (backlog.rows, backlog.given_up) == (9, 5)
    left = [[each.kind for each in kept.written] for kept in backlog.first(9)]
    assert left == [[Settled], *[[Settled, Answered]] * 4]
    assert dict(backlog.dropped) == {"Event": 5, "After": 5, "Answered": 1}


def test_outcomes_go_when_nothing_else_is_left_and_empty_parcels_with_them():
    backlog = Backlog(max_rows=10)
    for _ in range(30):
        backlog.keep(parcel(row(Settled)))
    assert backlog.shed() == {"Settled": 21}
    assert len(backlog) == backlog.rows == 9
    assert backlog.weight == 90


def test_weight_is_bounded_like_rows():
    backlog = Backlog(max_weight=100)
    for number in range(1, 4):
        backlog.keep(parcel(row(Event, 60, number)))
    assert backlog.shed() == {"Event": 2}
    assert (backlog.weight, backlog.given_up) == (60, 2)
    assert not backlog.shed()


def test_what_is_written_is_forgotten():
    backlog = Backlog()
    for number in range(1, 4):
        backlog.keep(parcel(row(Event, 10, number), row(After)))
    first = backlog.first(2)
    assert highest(first) == 2
    backlog.done(2)
    assert (len(backlog), backlog.rows, backlog.weight) == (1, 2, 20)
    assert highest(()) == 0
