"""Planted faults in what counts as a change since the request: section 4.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from dataclasses import replace

from listener import restoring, service
from listener.correlation import (
    admission,
    books,
    case,
    desk,
    hearing,
    instants,
    looks,
    picture,
)
from listener.correlation.case import How, Shown
from listener.correlation.evidence import by_change
from listener.correlation.judges import states
from listener.finesse.actions import expectation as x
from tests.oracle.planting import mutant, over

# -- the baseline ----------------------------------------------------------------------------------


@mutant("4.01")
def the_baseline_is_ignored():
    yield case.Case, "moved", lambda _self, _now: Shown.EFFECT


@mutant("4.02")
def the_baseline_is_taken_at_submission():
    enter, start = admission.enter, desk.Desk.start
    taken = {}

    def entered(desk_, now, e, registration):
        known = desk_.picture.of(e.agent)
        taken[e.key] = (known.baseline(e.request.dialog_id), known.user)
        enter(desk_, now, e, registration)

    def begun(self, at, e, baseline, user):
        start(self, at, e, *taken.get(e.key, (baseline, user)))

    yield admission, "enter", entered
    yield desk.Desk, "start", begun


@mutant("4.03")
def the_baseline_is_lost_with_the_process():
    real = restoring._adopt

    def adopt(service_, stored, now, loop):
        real(service_, replace(stored, baseline=None), now, loop)

    yield restoring, "_adopt", adopt


def _moved(change):
    real = case.Case.moved

    def moved(self, now):
        return change(real(self, now), self, now)

    return case.Case, "moved", moved


@mutant("4.04")
def an_unchanged_value_counts():
    yield _moved(lambda shown, *_: Shown.EFFECT if shown is Shown.UNCHANGED else shown)


@mutant("4.05", "HOLD", "RETRIEVE")
def an_older_change_counts():
    yield case, "older", lambda _text, _than, _by=0.0: False


@mutant("4.06", "HOLD", "RETRIEVE")
def an_equal_time_is_older():
    def change(shown, case_, now):
        last = case_.last.state_change_time if case_.last is not None else None
        same = last is not None and now.state_change_time == last
        return Shown.NOTHING if same and shown is Shown.EFFECT else shown

    yield _moved(change)


@mutant("4.07", "HOLD", "RETRIEVE")
def our_clock_is_compared_with_finesses():
    begin, sent = case.Case.begin, {}

    def begun(self, baseline, dialog):
        begin(self, baseline, dialog)
        sent[id(self)] = service.now_utc().timestamp()

    def change(shown, case_, now):
        when = instants.instant(now.state_change_time)
        early = when is not None and when < sent.get(id(case_), 0.0) - 1.0
        return Shown.NOTHING if early else shown

    yield case.Case, "begin", begun
    yield _moved(change)


# -- without a baseline ----------------------------------------------------------------------------


def _undated(*, snapshot):
    def change(finding, case_, _want, sight):
        there = case_.last is None and finding.shown is Shown.IF_TAGGED
        fits = (sight.how is How.SNAPSHOT) is snapshot
        return replace(finding, shown=Shown.EFFECT) if there and fits else finding

    return over(x.OwnState, change)


@mutant("4.08", "HOLD", "RETRIEVE", "ANSWER")
def the_date_is_ignored_in_events():
    yield _undated(snapshot=False)


@mutant("4.09", "HOLD", "RETRIEVE", "ANSWER")
def the_date_is_ignored_in_gets():
    yield _undated(snapshot=True)


@mutant("4.10", "READY", "NOT_READY", "WORK")
def the_date_is_ignored_for_users():
    yield states, "after", lambda _text, _moment: True


# -- duplicates ------------------------------------------------------------------------------------


# Of data, a content that was heard before proves nothing: either fault shows only where nobody
# knows any more what was heard.


@mutant("4.11")
def a_repeated_item_id_is_news():
    yield books.Books, "heard_before", lambda _self, _node, _item: False
    yield _untold()
    yield picture, "REPEAT_WITHIN", 0.0  # nor does its content tell, beside others


def _untold():
    return picture.AgentPicture, "told", lambda _self, _id, _content, *, times=1: times < 1


@mutant("4.12")
def a_dialog_published_again_is_news():
    def new(_self, _id, _content, _now, *, added=False, signed=False):
        del added, signed
        return picture.News.NEW

    yield picture.AgentPicture, "news", new
    yield _untold()


@mutant("4.14")
def an_error_published_again_is_news():
    yield picture.AgentPicture, "error_repeats", lambda _self, _content, _now, _within: False


# -- one change, one request -----------------------------------------------------------------------


@mutant("4.15")
def one_event_confirms_two():
    yield hearing, "contests", lambda _found, _now: None


@mutant("4.16")
def one_get_confirms_two():
    yield looks, "_twins", lambda _desk, _now, _entry, _sight: None


@mutant("4.17")
def a_change_that_fits_several_is_the_firsts():
    real = hearing.contests

    def contests(found, now):
        real(found, now)
        changed = (entry for entry, finding, seen in found if by_change(finding, seen))
        first = min(changed, key=lambda e: e.key, default=None)
        if first is not None:
            first.rivals = frozenset()

    yield hearing, "contests", contests


@mutant("4.18")
def anothers_change_confirms():
    yield hearing, "without_others_share", lambda found, _now, _named=(): found
