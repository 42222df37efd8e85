"""Where a daemon is and how it is trusted: addresses, CA files, tokens. No token in any error."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from listener.errors import ConfigurationError
from listener.loopback import is_loopback

if TYPE_CHECKING:
    from pydantic import SecretStr

_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


def nobody() -> ssl.SSLContext:
    """Return a context that trusts nobody, for connections without TLS: reading CAs takes time."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def plain(secret: str | SecretStr) -> str:
    """Return a secret as text."""
    return secret if isinstance(secret, str) else secret.get_secret_value()


def is_visible(text: str) -> bool:
    """Say whether a text is 1 to 255 visible ASCII characters, as tokens and keys are."""
    return _VISIBLE.fullmatch(text) is not None


def token(given: str | SecretStr) -> str:
    """Return a token as text. Raises ConfigurationError for what can be none."""
    found = plain(given)
    if not is_visible(found):
        raise ConfigurationError("the token is empty or holds what no token can hold")
    return found


def address(url: str) -> httpx.URL:
    """Return the daemon's address. Raises ConfigurationError, also for http:// to elsewhere."""
    try:
        base = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        base = httpx.URL("")
    if base.scheme not in {"http", "https"} or not base.host or base.userinfo:
        raise ConfigurationError("write the daemon's address as http://127.0.0.1:PORT or https://")
    if base.scheme == "http" and not is_loopback(base.host):
        raise ConfigurationError(
            f"{url}: the token would travel unencrypted; use https:// beyond this machine"
        )
    return base


def trust(ca_file: str | Path | None) -> ssl.SSLContext:
    """Return what is trusted: a PEM file alone, or the system's authorities."""
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(f"{ca_file}: {error.strerror or 'no certificates'}") from None
