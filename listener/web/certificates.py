"""TLS for the listening sockets: a server's certificate and key, read from files.

Knows certificates; knows neither sockets nor HTTP. Shows no content of a file, ever.
"""

from __future__ import annotations

import ssl
import stat
from typing import TYPE_CHECKING, NoReturn

from listener import logs
from listener.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_log = logs.get(__name__)


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a context for a server with that certificate (chain) and key, both PEM; TLS >= 1.2.

    Raises ConfigurationError naming the file at fault, and never what is in it.
    """
    context = checked_context(certificate, key)
    if key.stat().st_mode & stat.S_IROTH:
        _log.warning("settings.warning", detail=f"{key} can be read by everybody; chmod 600 it")
    return context


def checked_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the same, and tell nobody who else can read the key."""
    for path in (certificate, key):
        try:
            with path.open("rb") as file:
                file.read(1)
        except OSError as error:
            raise ConfigurationError(f"{path}: {error.strerror or error}") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION  # a client could make us work for ever
    context.set_alpn_protocols(["http/1.1"])
    _load(context, certificate, key)
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    def encrypted() -> str:  # without it OpenSSL would ask on the terminal
        raise ConfigurationError(f"{key}: is encrypted; write it without a passphrase, mode 0600")

    try:
        context.load_cert_chain(certificate, key, password=encrypted)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigurationError(f"{key}: is not the key of {certificate}") from None
        _find_fault(certificate, key)
    except OSError as error:
        raise ConfigurationError(f"{certificate}: {error.strerror or error}") from None


def _find_fault(certificate: Path, key: Path) -> NoReturn:
    """Say which of the two files is not what it should be."""
    authorities = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        authorities.load_verify_locations(certificate)
    except OSError:  # which SSLError is as well
        raise ConfigurationError(f"{certificate}: holds no certificate in PEM format") from None
    raise ConfigurationError(f"{key}: holds no private key in PEM format") from None
