"""What may stand in a request body: pydantic models that describe it and refuse wrong types.

Knows names, types and limits, for OpenAPI and for the first check; what makes a request valid is
known by `listener.finesse.actions` alone. No message repeats what was given.
"""
# No `from __future__ import annotations`: pydantic reads the annotations when the classes are made.

from dataclasses import MISSING
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from listener.correlation.outcome import MinimumEvidence
from listener.finesse.actions import checks, params
from listener.finesse.actions.callbacks import CLASSIFICATIONS
from listener.finesse.actions.params import Where
from listener.finesse.actions.request import Request
from listener.finesse.actions.table import ACTIONS
from listener.finesse.actions.users import MOBILE_MODES
from listener.intake import MAX_REQUEST_ID
from listener.settings.model import EXTENSION

MAX_SECRET = 1024
"""Characters of a password; of a token eight times as many."""
MAX_DEADLINE = 3600
"""Seconds, as for the deadlines in the settings."""


def _needs(schema: dict[str, Any]) -> None:
    """Add what each action cannot do without, from its class."""
    schema["allOf"] = [
        {
            "if": {
                "properties": {"requestedAction": {"const": action}},
                "required": ["requestedAction"],
            },
            "then": {"required": needed},
        }
        for action, request in ACTIONS.items()
        if (needed := needs(request))
    ]


def needs(request: type[Request]) -> list[str]:
    """Return the names that a request cannot do without, beside agent and requestedAction."""
    return [
        param.name
        for field, param in params.of(request)
        if field.default is MISSING and param.name != "agent" and param.where is not Where.UNUSED
    ]


def said(description: str, example: Any, **schema: Any) -> Any:
    """Return a field that only describes: `listener.finesse.actions` refuses, in better words."""
    return Field(
        default=None, description=description, examples=[example], json_schema_extra=schema
    )


_SHORT = {"minLength": 1, "maxLength": checks.MAX_TEXT}


class Body(BaseModel):
    """One JSON object of a request: Finesse's names, and no others. null is as good as absent."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
    )


class MediaPropertiesBody(Body):
    """What goes with a call: call variables, the wrap-up reason, wrap-up items (UCCX)."""

    callvariables: dict[str, str] | None = said(
        "callVariable1 to callVariable10, and ECC variables such as user.name or user.name[0]",
        {"callVariable1": "x", "user.a[0]": "y"},
    )
    wrap_up_reason: str | None = said("the wrap-up reason", "Sale")
    wrap_up_items: list[str] | None = said("wrap-up items; UCCX only", ["Sale"])


class MobileAgentBody(Body):
    """How a mobile agent signs in; both or neither."""

    mode: str | None = said("the mode", MOBILE_MODES[0], enum=[*MOBILE_MODES, None])
    dial_number: str | None = said("the number to call", "2025550101", **_SHORT)


class RequestBody(Body):
    """A request, by Finesse's names; which of them it needs depends on the action."""

    model_config = ConfigDict(json_schema_extra=_needs)

    agent: Annotated[
        str,
        Field(
            description="whose credentials and whose device",
            examples=["1001"],
            json_schema_extra=_SHORT,
        ),
    ]
    requested_action: Annotated[
        str,
        Field(
            description="Finesse's word; those of tasks and of direct preview have a prefix",
            examples=["HOLD"],
            json_schema_extra={"enum": list(ACTIONS)},
        ),
    ]
    dialog_id: str | None = said("the dialog that it acts on", "54321", **_SHORT)
    target_media_address: str | None = said(
        "the extension that acts; the agent's own when left out", "1001001", **_SHORT
    )
    to_address: str | None = said("whom to call", "2025550101", **_SHORT)
    from_address: str | None = said("the calling extension", "1001001", **_SHORT)
    dtmf_string: str | None = said(
        "digits to send: 0-9 * #, on UCCE also A-D; never given back",
        "777",
        minLength=1,
        maxLength=checks.MAX_DTMF,
        pattern="^[0-9*#A-D]*$",
    )
    media_properties: MediaPropertiesBody | None = None
    mobile_agent: MobileAgentBody | None = None
    reason_code_id: str | None = said("the id of a reason code", "4", pattern="^-?[0-9]{1,10}$")
    extension: str | None = said("where to sign in", "1001001", **_SHORT)
    associated_dialog_uri: str | None = said(
        "the URI of the monitor dialog", "/finesse/api/Dialog/54321", **_SHORT
    )
    callback_time: str | None = said("when to call back, YYYY-MM-DDThh:mm", "2026-11-21T14:30")
    callback_number: str | None = said("whom to call back", "2025550101", **_SHORT)
    outbound_classification: str | None = said(
        "what answered", CLASSIFICATIONS[0], enum=[*CLASSIFICATIONS, None]
    )
    target: str | None = said("where a task goes: a script selector or number", "5000", **_SHORT)
    request_id: Annotated[str, Field(min_length=1, max_length=MAX_REQUEST_ID)] | None = Field(
        default=None,
        description="what goes on the wire, printable Latin-1; minted when left out",
        examples=["145"],
    )
    deadline: Annotated[float, Field(gt=0, le=MAX_DEADLINE, allow_inf_nan=False)] | None = Field(
        default=None,
        description="seconds from Finesse's acceptance; the action's default when left out",
        examples=[20],
    )
    minimum_evidence: Annotated[MinimumEvidence, Field(strict=False)] | None = Field(
        default=None,
        description="what may confirm or fail; weaker evidence is listed in `seen`, and the end is"
        " unconfirmed, reason weak. `event`: no GET",
        examples=["any"],
    )


OURS = ("requestId", "deadline", "minimumEvidence")
"""The names in a request's body that are this API's and not Finesse's."""


class AnswerBody(Body):
    """What Finesse answered to a request that the caller sent."""

    status: Annotated[
        int, Field(ge=100, le=599, description="the HTTP status", examples=[202, 400])
    ]
    body: str | None = Field(
        default=None,
        description="the body, as text",
        examples=["<ApiErrors><ApiError><ErrorType>Bad</ErrorType></ApiError></ApiErrors>"],
    )


class AgentBody(Body):
    """An agent's credentials: a password, or a token (single sign-on), or both."""

    password: Annotated[SecretStr, Field(min_length=1, max_length=MAX_SECRET)] | None = Field(
        default=None, description="for XMPP and REST; never readable again"
    )
    token: Annotated[SecretStr, Field(min_length=1, max_length=8 * MAX_SECRET)] | None = Field(
        default=None, description="sent to REST as Bearer; never readable again"
    )
    extension: str | None = said(
        "the agent's own, where Finesse does not say", "1001001", pattern=f"^{EXTENSION}$"
    )


class ForgetBody(Body):
    """What the journal shall forget: a telephone number or a dialog, one of the two."""

    number: Annotated[str, Field(min_length=1, max_length=checks.MAX_TEXT)] | None = Field(
        default=None, description="a telephone number", examples=["+12025550101"]
    )
    dialog_id: Annotated[str, Field(min_length=1, max_length=checks.MAX_TEXT)] | None = Field(
        default=None, description="the id of a dialog", examples=["54321"]
    )
