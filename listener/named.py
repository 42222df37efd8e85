"""An agent as a caller names it: checked as one of the settings is.

Knows what may stand in an agent's settings; knows not who is held.
"""

from __future__ import annotations

from pydantic import SecretStr, ValidationError

from listener.errors import InvalidRequest
from listener.settings.model import Agent


def agent_of(
    id_: str,
    *,
    password: SecretStr | None,
    token: SecretStr | None = None,
    extension: str | None = None,
) -> Agent:
    """Return an agent that a caller names; InvalidRequest says what is wrong with it."""
    try:
        return Agent(id=id_, password=password, token=token, extension=extension)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "id"
        words = first["msg"].removeprefix("Value error, ")
        raise InvalidRequest(f"{field}: {words}", field=field) from None
