"""This machine's own steps: settings and CA file before the walk, places and limits behind it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from listener import settings as configuration
from listener.doctor import certificates, machine, wall
from listener.doctor.findings import Cause, Family, failed
from listener.doctor.probes import machine as probe
from listener.doctor.probes.network import read_authorities
from listener.doctor.seen import Hold, PlaceSeen
from listener.doctor.steps import What
from listener.errors import ConfigurationError
from listener.operations.files import check_settings
from listener.trust import client_context
from listener.web.certificates import server_context
from listener.web.tokens import Tokens
from listener.wiring import credentials

if TYPE_CHECKING:
    from pathlib import Path

    from listener.doctor.findings import Verdict
    from listener.doctor.steps import Notes
    from listener.settings import Settings


async def settings(notes: Notes, path: Path, agents: tuple[str, ...]) -> Settings | None:
    """Load the settings with these agents alone (none: all), or note what is wrong with them."""
    what = What("configuration", Family.CONFIGURATION, f"read {path}")
    read, _ = await notes.look(
        what, asyncio.to_thread(_read, path, agents), lambda read: _judge(path, read)
    )
    return read if isinstance(read, configuration.Settings) else None


def _read(path: Path, agents: tuple[str, ...]) -> Settings | list[str]:
    """Return the settings, or what is wrong with them."""
    try:
        found = configuration.load(path)
        if agents:
            chosen = tuple(found.agent(one) for one in dict.fromkeys(agents))
            found = found.model_copy(update={"agents": chosen})
        for one in found.agents:
            credentials(one)  # a token or password that no header can carry
    except ConfigurationError as error:
        return [line.removeprefix(f"{path}: ") for line in str(error).splitlines()]
    return found


def _judge(path: Path, read: Settings | list[str]) -> Verdict:
    if isinstance(read, list):
        return machine.configuration(str(path), read, ())
    return machine.configuration(str(path), (), read.warnings)


async def authorities(notes: Notes, settings: Settings) -> bool:
    """Look at the CA file; say whether it can be used."""
    path = settings.finesse.ca_file
    what = What("authorities", Family.CONFIGURATION, "read the trusted certificates")
    _, well = await notes.look(what, asyncio.to_thread(_authorities, path), lambda said: said)
    return well


def _authorities(path: Path | None) -> Verdict:
    if path is None:
        return certificates.authorities(None, (), wall.now())
    try:
        client_context(path)
        found = read_authorities(path)
    except (ConfigurationError, ValueError, OSError) as error:
        return failed(
            str(error),
            Cause(
                "finesse.ca_file is no PEM file of certificates, or cannot be read",
                "it has blocks of -----BEGIN CERTIFICATE-----; turn DER into PEM with"
                " `openssl x509 -inform der -in FILE -out ca.pem`",
            ),
        )
    return certificates.authorities(str(path), found, wall.now())


def daemon_runs(settings: Settings) -> bool:
    """Say whether a daemon with these settings runs on this machine."""
    path = settings.journal.path
    return _answers(settings) or (path is not None and probe.holds_journal(path))


def _answers(settings: Settings) -> bool:
    """Say whether a daemon answers where these settings say."""
    # The system's daemon may have its socket where only its unit says.
    sockets = (configuration.client_socket(settings), settings.dropin.socket)
    return any(probe.unix_socket("", one).hold is Hold.DAEMON for one in sockets if one is not None)


def _taken(settings: Settings, path: Path) -> bool:
    """Say whether the journal is a daemon's that is not of these settings, as far as can be told.

    One that these settings give no socket to cannot be asked.
    """
    askable = settings.api.socket is not None or settings.dropin.socket is not None
    return askable and probe.holds_journal(path) and not _answers(settings)


async def places(notes: Notes, settings: Settings, *, daemon: bool) -> None:
    """Look at the journal, the doors for callers, their tokens and certificates, and limits."""
    found = await asyncio.to_thread(lambda: list(_places(settings, daemon=daemon)))
    for what, verdict in found:
        notes.note(what, verdict)


def _places(settings: Settings, *, daemon: bool) -> list[tuple[What, Verdict]]:
    found: list[tuple[What, Verdict]] = []
    if (path := settings.journal.path) is not None:
        what = What("journal", Family.MACHINE, "see whether the journal can be written")
        room, taken = int(settings.journal.max_megabytes), _taken(settings, path)
        found.append((what, machine.journal(probe.journal(path), room, taken=taken)))
    if (path := settings.recording.path) is not None:
        what = What("recording", Family.MACHINE, "see whether the transcript can be written")
        found.append((what, machine.recording(probe.transcript(path))))
    for name, served in (("api", settings.api), ("dropin", settings.dropin)):
        found += _door(name, served, daemon=daemon)
    if settings.api.tokens_file is not None:
        what = What("tokens", Family.MACHINE, "read the callers' tokens")
        found.append((what, machine.tokens(_tokens(settings.api.tokens_file))))
    what = What("files", Family.MACHINE, "compare the limit of open files with what may be needed")
    limit = probe.file_limit()
    found.append((what, machine.files(limit, check_settings(settings, limit=limit))))
    return found


def _door(
    name: str, served: configuration.Api | configuration.Dropin, *, daemon: bool
) -> list[tuple[What, Verdict]]:
    found: list[tuple[What, Verdict]] = []
    words = {"api": "the API", "dropin": "the drop-in"}[name]
    if served.socket is not None:
        what = What(f"{name}.socket", Family.MACHINE, f"look at the socket of {words}")
        held = probe.unix_socket(words, served.socket)
        place = probe.folder(served.socket)
        free = held.hold is Hold.FREE and place.trouble is not None
        found.append((what, machine.folder(words, place) if free else machine.held(held)))
    if served.listen is not None:
        what = What(f"{name}.listen", Family.MACHINE, f"look at the port of {words}")
        found.append((what, machine.held(probe.tcp_port(words, served.listen, daemon=daemon))))
    if served.tls_certificate is not None and served.tls_key is not None:
        what = What(f"{name}.certificate", Family.MACHINE, f"read the certificate of {words}")
        found.append((what, _own_certificate(served.tls_certificate, served.tls_key)))
    return found


def _own_certificate(certificate: Path, key: Path) -> Verdict:
    try:
        server_context(certificate, key)
        found = read_authorities(certificate)
    except (ConfigurationError, ValueError, OSError) as error:
        remedy = "name a PEM certificate (with its chain) and its key, without a passphrase"
        return failed(str(error), Cause("the pair cannot be used", remedy))
    return certificates.authorities(str(certificate), found, wall.now())


def _tokens(path: Path) -> PlaceSeen:
    try:
        Tokens.load(path)
    except ConfigurationError as error:
        return PlaceSeen(str(path), str(error))
    return PlaceSeen(str(path))
