"""Planted faults in what a GET proves, and when it is sent: section 7.

Each function breaks one rule, in one place; see `planting.py`.
"""

from __future__ import annotations

from dataclasses import replace

from listener import service, translation
from listener.correlation import clockwork, entry, evidence, known, looks
from listener.correlation.case import Finding, Shown
from listener.correlation.outcome import Evidence, Failed
from listener.finesse import actions as do
from tests.oracle.planting import mutant

# -- which GETs count ------------------------------------------------------------------------------


@mutant("7.01")
def a_get_from_before_the_answer_counts():
    yield looks, "_counts", lambda _entry, look: look.ok


@mutant("7.03")
def an_overtaken_get_counts():
    yield looks, "_overtaken", lambda _desk, _entry, _look: False


@mutant("7.04")
def an_overtaken_get_is_not_repeated():
    yield looks, "MAX_LOOKS", 1


@mutant("7.05")
def an_overtaken_get_is_repeated_for_ever():
    yield looks, "MAX_LOOKS", 1000


@mutant("7.06", "HOLD", "RETRIEVE")
def the_last_picture_replaces_all():
    yield known, "merged", lambda _old, new: new


# -- absence ---------------------------------------------------------------------------------------


def _absence_proves(kind):
    real = looks.show

    def show(desk_, now, e, look):
        real(desk_, now, e, look)
        if not e.open or not isinstance(e.request, kind):
            return
        listed = {d.id for d in look.dialogs} if look.dialogs is not None else None
        gone = look.absent if listed is None else not listed & e.case.ids
        if gone:
            held = entry.Held(Finding(Shown.EFFECT), Evidence.SNAPSHOT)
            evidence.count(desk_, now, e, held)

    return looks, "show", show


@mutant("7.07", "TRANSFER")
def absence_proves_a_transfer():
    yield _absence_proves(do.Transfer)


@mutant("7.08", "TRANSFER_SST")
def absence_proves_a_single_step_transfer():
    yield _absence_proves(do.TransferSst)


@mutant("7.09", "CONFERENCE")
def absence_proves_a_conference():
    yield _absence_proves(do.Conference)


@mutant("7.10", "CLOSE")
def absence_proves_a_close():
    yield _absence_proves(do.PreviewClose)


@mutant("7.11", "REJECT")
def absence_proves_a_reject():
    yield _absence_proves(do.PreviewReject)


def _absent(change):
    real = looks._absent

    def absent(desk_, e, look):
        return change(real, desk_, e, look)

    return looks, "_absent", absent


@mutant("7.12", "DROP")
def absence_counts_while_finesse_is_away():
    def change(real, desk_, e, look):
        away, desk_.away = desk_.away, set()
        try:
            return real(desk_, e, look)
        finally:
            desk_.away = away

    yield _absent(change)


@mutant("7.13", "DROP")
def the_user_need_not_fit():
    yield looks, "ON_A_CALL", frozenset()


@mutant("7.14", "DROP")
def one_absence_proves_a_drop():
    real = looks._absence

    def absence(desk_, now, e):
        real(desk_, now, e)
        if e.open:
            e.absent_at = now - looks.ABSENCE_APART
            real(desk_, now, e)

    yield looks, "_absence", absence


@mutant("7.15", "DROP")
def the_second_get_goes_out_at_once():
    yield looks, "ABSENCE_APART", 0.1


@mutant("7.16", "DROP")
def a_call_that_goes_on_is_absent():
    def change(real, desk_, e, look):
        listed = tuple(replace(d, secondary_id=None) for d in look.dialogs or ())
        return real(desk_, e, replace(look, dialogs=listed) if look.dialogs is not None else look)

    yield _absent(change)
    yield looks, "follow_into", lambda _desk, _entry, _owner, _dialog, _into: None


def _answered(statuses):
    real = translation.RestWire._read

    async def read(self, ask, *, user, dialogs):
        look = await real(self, ask, user=user, dialogs=dialogs)
        got = await self._rest.dialogs(ask.agent) if dialogs and not look.ok else None
        if got is not None and got.status in statuses:
            return replace(look, ok=True, dialogs=(), user=look.user or _nobody(ask.agent))
        return look

    return translation.RestWire, "_read", read


def _nobody(agent):
    from listener.finesse.model import User  # noqa: PLC0415  for this one alone

    return User(login_id=agent, state="NOT_READY")


@mutant("7.17", "DROP")
def a_401_is_absence():
    yield _answered({401})


@mutant("7.18", "DROP")
def a_5xx_is_absence():
    yield _answered({500})


# -- the probe and the deadline --------------------------------------------------------------------


@mutant("7.19")
def nobody_asks():
    def probe(_desk, now, e):
        if e.probe_due is not None and now >= e.probe_due:
            e.probe_due = None

    yield clockwork, "_probe", probe


@mutant("7.20")
def the_probe_goes_out_at_the_deadline():
    real = clockwork.lead_of

    def lead_of(e):
        lead = real(e)
        return None if lead is None else lead - 2.999

    yield clockwork, "lead_of", lead_of


@mutant("7.21")
def nobody_asks_while_the_link_is_down():
    real = clockwork._probe

    def probe(desk_, now, e):
        if e.probe_due is not None and now >= e.probe_due and not desk_.picture.of(e.agent).live:
            e.probe_due = None
        real(desk_, now, e)

    yield clockwork, "_probe", probe


@mutant("7.22")
def the_deadline_is_extended():
    real = clockwork.arm

    def arm(desk_, now, e, start):
        real(desk_, now, e, start + 10.0)

    yield clockwork, "arm", arm


@mutant("7.23")
def late_news_changes_the_outcome():
    real = service.Service._late

    def late(self, step):
        real(self, step)
        record = self.records.get(step.key)
        if record is not None and step.errors:
            record.outcome = Failed(evidence=Evidence.SOLE_PENDING, errors=step.errors)
            self._watch(record)

    yield service.Service, "_late", late
