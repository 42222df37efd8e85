"""REST's answer in the correlator's words: pure translation, for all who send."""

from __future__ import annotations

from listener.correlation.instants import http_date
from listener.correlation.steps import AnswerKind, RestAnswer
from listener.rest import Answer


def translated(answer: Answer) -> RestAnswer:
    """Return REST's answer in the correlator's words."""
    return RestAnswer(
        AnswerKind(answer.kind),
        answer.status,
        answer.errors,
        http_date(answer.date),
        answer.detail,
    )
