"""Known causes that lie in the call or in what was asked. One function per cause; pure.

Each returns a finding that says what it saw, or None. Sources: docs/outcomes.md, docs/errors.md.
"""

from __future__ import annotations

from listener.story import beside
from listener.story.case import Case, Finding
from listener.story.steps import Kind, Step, Tag
from listener.story.veil import clean

_NEEDS_CONSULT = frozenset({"TRANSFER", "CONFERENCE"})
_NOT_WHEN_HELD = frozenset({"SEND_DTMF", "START_RECORDING", "CONSULT_CALL", "TRANSFER_SST", "HOLD"})
_UNANSWERED = frozenset({"INITIATING", "INITIATED", "ALERTING"})
_MAY_END = frozenset({"DROP", "CLOSE", "REJECT"}) | _NEEDS_CONSULT
_ON_UCCX = "seen on UCCX"
"""What the catalogue adds to a meaning unless the deployment is UCCE."""
_GOOD = frozenset({"confirmed", "presumed"})


def consult_not_answered(case: Case) -> Finding | None:
    """TRANSFER or CONFERENCE while the consult call was still ringing (guide p.86, 131)."""
    asked = case.asked
    if asked.action not in _NEEDS_CONSULT or asked.kind in _GOOD or case.refused_otherwise():
        return None
    consult = beside.consult(case, asked.began)
    if consult is None:
        if not case.warned("no_second_call"):
            return None
        return case.finding(
            "consult_not_answered",
            "No active consult call was known",
            "Finesse did not offer it to the agent when it was sent",
            "Make the consult call first, and wait until it is answered.",
        )
    parties = [p for p in case.states(consult, asked.began) if p.address != asked.own]
    # One who is there is enough; who holds, or has left, had answered.
    if not parties or any(each.state not in _UNANSWERED for each in parties):
        return None
    there = parties[0]
    later = _active_later(case, consult, there.address)
    after = f"; it was answered {case.when(later)}" if later is not None else ""
    return case.finding(
        "consult_not_answered",
        "It was sent before the consult call was answered",
        f"the other party of dialog {clean(consult)} was {clean(there.state)} at its sending"
        f"{after}",
        f"Wait until the consult call (dialog {clean(consult)}) is ACTIVE on both sides, then send"
        f" {asked.action} again.",
        there.step,
    )


def _active_later(case: Case, dialog: str, address: str | None) -> float | None:
    for step in case.steps:
        if step.at > case.asked.began and step.dialog == dialog:
            for move in step.moves:
                if move.address == address and move.after == "ACTIVE":
                    return step.at
    return None


def participant_held(case: Case) -> Finding | None:
    """Look for: the own participant was on hold, which rules it out (guide p.91, 93, 107)."""
    asked = case.asked
    if asked.action not in _NOT_WHEN_HELD or asked.kind in _GOOD or case.refused_otherwise():
        return None
    stood = case.own_state(asked.began)
    if stood is not None and stood.state == "HELD":
        since = f" since {case.when(stood.since)}" if stood.since is not None else ""
        saw, step = f"the own participant was HELD{since}", stood.step
    elif case.warned("participant_held"):
        saw, step = "the own participant was last seen HELD when it was sent", None
    elif stood is None and _held_by_answer(case):
        saw, step = "Finesse answered 401 with Invalid State, which here says on hold", None
    else:
        return None
    if asked.action == "HOLD":
        return case.finding(
            "participant_held",
            "The call was on hold already",
            saw,
            "Nothing changes then, and nothing need come: read the dialog before sending HOLD.",
            step,
        )
    return case.finding(
        "participant_held",
        "The agent's side of the call was on hold",
        saw,
        f"RETRIEVE the call, wait for its confirmation, then send {asked.action}.",
        step,
    )


def _held_by_answer(case: Case) -> bool:
    status = (case.asked.outcome or {}).get("status")
    of_digits = case.asked.action in {"SEND_DTMF", "START_RECORDING"}
    return of_digits and status == 401 and case.names("Invalid State")  # noqa: PLR2004  HTTP


def letters_on_uccx(case: Case) -> Finding | None:
    """UCCX refuses the letters A to D in a DTMF string (guide p.93).

    This program refuses them itself where it knows the deployment, but not what a caller sends.
    """
    asked = case.asked
    if asked.action != "SEND_DTMF" or not case.names("CF_VALUE_OUT_OF_RANGE"):
        return None
    if asked.deployment == "UCCE" or (asked.deployment == "UCCX" and not asked.expected):
        return None
    meanings = (str(each.get("meaning") or "") for each in case.errors())
    if asked.deployment is None and not any(_ON_UCCX in meaning for meaning in meanings):
        return None  # it was told for UCCE
    return case.finding(
        "letters_on_uccx",
        "The DTMF string may hold letters, which UCCX refuses",
        "SEND_DTMF was refused with CF_VALUE_OUT_OF_RANGE; the digits are kept nowhere"
        + ("" if asked.deployment else ", and the source does not say whether this is UCCX"),
        "On UCCX send only 0-9, * and #.",
    )


def refused(case: Case) -> Finding | None:
    """Finesse or the CTI side said no, with an error that the catalogue may know."""
    errors = case.errors()
    if not errors or not case.answered:
        return None
    error = errors[0]
    named = error.get("constant") or error.get("errorType") or error.get("errorData")
    family = f" of {clean(error['family'])}" if error.get("family") else ""
    places = [
        n for n, step in enumerate(case.steps, 1) if case.asked.key == step.key and step.errors
    ]
    places += [
        n
        for n, step in case.heard(case.asked.submitted, case.end + 1)
        if step.errors and _may_be_its(case, step)
    ]
    return case.finding(
        "refused",
        f"{_how_refused(case)}: {case.veil.said(named) if named else 'no name'}",
        f"the error{family}"
        + (
            f", meaning: {case.veil.text(error['meaning'])}"
            if error.get("meaning")
            else " is none that the catalogue knows"
        ),
        case.veil.text(error.get("advice") or "Look into Finesse's log at that time."),
        *sorted(set(places))[:3],
    )


def _how_refused(case: Case) -> str:
    outcome = case.asked.outcome or {}
    if case.asked.kind == "rejected":
        return "Finesse refused it at once"
    if outcome.get("evidence") == "sole_pending":
        return "An error without an id fits it alone"
    if outcome.get("status") == 202:  # noqa: PLR2004  HTTP
        return "Finesse refused it after its 202"
    return "Finesse refused it by a notification with its id"


def _may_be_its(case: Case, step: Step) -> bool:
    if step.tag is Tag.NONE:
        return case.about(step)
    return step.request_id == case.asked.request_id


def refused_without_words(case: Case) -> Finding | None:
    """Finesse refused it at once and gave no error that could be read."""
    if case.asked.kind != "rejected" or case.asked.reason or case.errors():
        return None
    status = (case.asked.outcome or {}).get("status")
    return case.finding(
        "refused",
        f"Finesse refused it at once with {status}",
        "its answer named no error",
        "Check path, body and credentials; look into Finesse's log at that time.",
    )


def call_failed(case: Case) -> Finding | None:
    """Look for: the call itself went FAILED (guide p.80-82)."""
    cause = (case.asked.outcome or {}).get("stateCause")
    if case.asked.kind != "failed" or not cause:
        return None
    return case.finding(
        "call_failed",
        f"The call failed: {clean(cause)}",
        f"the dialog went FAILED with stateCause {clean(cause)}",
        "BUSY and BAD_DESTINATION are about the number; the failed call still needs a DROP.",
    )


def dialog_ended(case: Case) -> Finding | None:
    """Look for: the dialog had ended, or ended meanwhile, which does not say why."""
    asked = case.asked
    if asked.kind in _GOOD or _refused_for_more(case):
        return None
    gone = None if asked.action in _MAY_END else _removed(case)
    if gone is None and asked.reason != "dialog_ended":
        return None
    before = gone is not None and gone[1].at < asked.began
    if gone is None:
        saw = "the dialog ended while the request was open; that is also what a hang-up leaves"
    else:
        saw = f"dialog {clean(gone[1].dialog)} was removed {case.when(gone[1].at)}"
    return case.finding(
        "dialog_ended",
        "The dialog had ended before" if before else "The dialog ended meanwhile",
        saw,
        "Look who is left in the call before sending anything again.",
        gone[0] if gone is not None else None,
    )


def _refused_for_more(case: Case) -> bool:
    """Say whether its refusal names a cause that a call which is gone does not have."""
    status = (case.asked.outcome or {}).get("status")
    return case.refused_otherwise() and status != 404  # noqa: PLR2004  HTTP


def _removed(case: Case) -> tuple[int, Step] | None:
    """Return where the agent's own copy of the dialog was removed, unless it came back."""
    asked, found = case.asked, None
    for place, step in enumerate(case.steps, 1):
        if step.dialog != asked.dialog or step.agent != asked.agent or step.dialog is None:
            continue
        if step.kind is not Kind.HEARD or not asked.submitted - 60 <= step.at <= case.end:
            continue
        found = (place, step) if step.change == "removed" else None
    if found is not None and case.answered and found[1].at >= asked.began:
        return None  # it was refused, and ended then
    return found


def truncated(case: Case) -> Finding | None:
    """Values were cut at the configured length of an ECC variable."""
    names = (case.asked.outcome or {}).get("truncated") or ()
    if not names:
        return None
    return case.finding(
        "truncated",
        "Values were cut",
        f"Finesse shows only the beginning of what was asked for in {', '.join(map(clean, names))}",
        "Raise the length of these expanded call variables in the configuration, or send less.",
    )


def not_all_set(case: Case) -> Finding | None:
    """Look for: some call variables were set and some were not."""
    missing = (case.asked.outcome or {}).get("missing") or ()
    if case.asked.action != "UPDATE_CALL_DATA" or not missing:
        return None
    return case.finding(
        "not_all_set",
        "Some values were not set",
        f"{', '.join(map(clean, missing))} did not come to what was asked for",
        "Check their names, lengths and whether they are scalar or array, and who else sets them.",
    )


def already_so(case: Case) -> Finding | None:
    """Look for: it was so before, so that nothing changed and nothing need be told."""
    if case.asked.kind in _GOOD or case.answered or not case.warned("already_so"):
        return None
    return case.finding(
        "already_so",
        "It was so already",
        "the state asked for was there at its sending; Finesse tells only of changes",
        "Nothing to do: read the dialog or the agent to be sure.",
    )


def answer_doubtful(case: Case) -> Finding | None:
    """No answer to the request itself, or one that says nothing (rules of REST answers)."""
    asked = case.asked
    if asked.kind in _GOOD or case.answered:
        return None
    if asked.reason != "no_answer" and not case.noted("doubtful_answer"):
        return None
    status = (asked.outcome or {}).get("status") or (asked.answer or {}).get("status")
    if status == 202 and asked.reason != "no_answer":  # noqa: PLR2004  HTTP
        return None
    named = next((str(e["constant"]) for e in case.errors() if e.get("constant")), None)
    name = f" ({case.veil.said(named)})" if named else ""
    saw = f"Finesse answered {status}" if status else "no answer came to the REST request"
    places = [
        n for n, s in enumerate(case.steps, 1) if s.kind is Kind.ANSWERED and s.key == asked.key
    ]
    return case.finding(
        "no_answer",
        "The answer to the request itself says nothing"
        if status
        else "Finesse did not answer the request itself",
        f"{saw}{name}; whether it was carried out is not said",
        "Look at the call before sending it again; then at Finesse's REST service and the network.",
        *places,
    )
