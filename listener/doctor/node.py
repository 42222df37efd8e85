"""The way to one node: its name, its ports, TLS, SystemInfo, the clock, the stream.

Knows the order, and which step needs which. What is seen is judged by the pure modules.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from listener.doctor import certificates, network, systeminfo
from listener.doctor.findings import Family, skipped
from listener.doctor.probes import finesse as rest_probe
from listener.doctor.probes import network as net_probe
from listener.doctor.probes import stream as stream_probe
from listener.doctor.seen import Configured, InfoSeen, Side, Wrong
from listener.doctor.steps import What
from listener.rest import Rest
from listener.settings import Security
from listener.trust import client_context
from listener.wiring import rest_timings
from listener.xmpp.contract import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from listener import settings as configuration
    from listener.doctor.seen import Resolved
    from listener.doctor.steps import Notes
    from listener.finesse.model import SystemInfo


@dataclass(slots=True)
class Loan:
    """Whose credentials may be used for SystemInfo behind a proxy, and who was refused."""

    lender: str | None = None
    refused: set[str] = field(default_factory=set)
    set_credentials: Callable[[Rest], None] = lambda _rest: None


class NodeWalk:
    """One node: `walk` looks at everything that needs no login.

    Afterwards `rest` can be asked where `in_service` is true (else `no_api` says why not);
    `endpoint` is None where no session can be made, and `why_not` says which step is in the way.
    """

    def __init__(
        self, name: str, place: configuration.Endpoint, settings: configuration.Settings
    ) -> None:
        self.name = name
        self.place = place
        self.settings = settings
        self.in_service = False
        self.endpoint: Endpoint | None = None
        self.why_not = _needs("systeminfo")
        self.no_api = _needs("systeminfo")
        url = urlsplit(place.rest_url)
        self._scheme = url.scheme
        self._ports = {
            Side.REST: url.port or (443 if url.scheme == "https" else 80),
            Side.XMPP: place.xmpp_port,
        }
        ca_file = settings.finesse.ca_file
        self.tls = client_context(ca_file)
        self.rest = Rest(
            [place.rest_url], tls=client_context(ca_file), timings=rest_timings(settings)
        )

    def __repr__(self) -> str:
        return f"<NodeWalk {self.name}>"

    async def aclose(self) -> None:
        """Close the connections to the REST side."""
        await self.rest.aclose()

    async def walk(self, notes: Notes, loan: Loan) -> None:
        """Do the steps, and note those that cannot be done."""
        what = What("names", Family.NAMES, f"look up {self.place.host}", self.name)
        found, well = await notes.look(what, net_probe.resolve(self.place.host), network.names)
        broken: dict[Side, str] = {}
        for side in Side:
            await self._knock(notes, side, found, broken, resolved=well)
        for side in Side:
            await self._shake_hands(notes, side, broken)
        info = await self._ask_info(notes, loan, broken)
        await self._greet(notes, info, broken)

    # -- ports --------------------------------------------------------------------------------

    async def _knock(
        self, notes: Notes, side: Side, found: Resolved, broken: dict[Side, str], *, resolved: bool
    ) -> None:
        port = self._ports[side]
        what = What(
            f"tcp.{side}", Family.NETWORK, f"connect to {self.place.host}:{port}", self.name
        )
        if not resolved:
            broken[side] = _needs("names")
            notes.skip(what, broken[side])
            return
        within = self.settings.timings.rest_connect
        probe = net_probe.knock(side, self.place.host, found.addresses, port, within)
        _, well = await notes.look(what, probe, network.port)
        if not well:
            broken[side] = _needs(what.id)

    async def _shake_hands(self, notes: Notes, side: Side, broken: dict[Side, str]) -> None:
        port = self._ports[side]
        did = f"TLS handshake with {self.place.host}:{port}"
        what = What(f"tls.{side}", Family.TLS, did, self.name)
        if side in broken:
            notes.skip(what, broken[side])
            return
        if (without := self._without_tls(side)) is not None:
            notes.note(what, skipped(without))
            return
        finesse = self.settings.finesse
        name = self.place.host
        if side is Side.XMPP and finesse.certificate_name:
            name = finesse.certificate_name
        within = self.settings.timings.connect_deadline
        probe = net_probe.shake_hands(side, (self.place.host, port), name, finesse.ca_file, within)
        _, well = await notes.look(what, probe, certificates.handshake)
        if not well:
            broken[side] = _needs(what.id)

    def _without_tls(self, side: Side) -> str | None:
        if side is Side.REST:
            return None if self._scheme == "https" else "the node is http://, for laboratories only"
        if self.settings.finesse.security is Security.STARTTLS:
            return "it begins inside of the stream (STARTTLS): see the step stream"
        if self.settings.finesse.security is Security.PLAIN:
            return 'finesse.security = "plain": unencrypted, for laboratories only'
        return None

    # -- Finesse ------------------------------------------------------------------------------

    async def _ask_info(
        self, notes: Notes, loan: Loan, broken: dict[Side, str]
    ) -> SystemInfo | None:
        what = What(
            "systeminfo", Family.SYSTEM_INFO, f"GET {self.place.rest_url} SystemInfo", self.name
        )
        clock = What("clock", Family.SYSTEM_INFO, "compare the clocks", self.name)
        if Side.REST in broken:
            notes.skip(what, broken[Side.REST])
            notes.skip(clock, _needs("systeminfo"))
            return None
        finesse = self.settings.finesse
        meant = Configured(tuple(node.host for node in finesse.endpoints), finesse.deployment)
        seen, well = await notes.look(
            what, self._info(loan), lambda seen: systeminfo.service(seen, meant)
        )
        self.in_service = well
        if seen.info is None:
            notes.skip(clock, _needs("systeminfo"))
            return None
        if not well:
            self.no_api = f"Finesse says {seen.info.status}: its API answers 503 then"
        notes.note(clock, systeminfo.clock(seen.stamp, seen.before, seen.after))
        return seen.info

    async def _info(self, loan: Loan) -> InfoSeen:
        """Ask without credentials, and where they are wanted once with those of one agent."""
        url = self.place.rest_url
        seen = await rest_probe.ask_info(self.rest, url)
        lender = loan.lender
        if seen.wrong is not Wrong.CREDENTIALS or lender is None or lender in loan.refused:
            return seen
        loan.set_credentials(self.rest)
        lent = await rest_probe.ask_info(self.rest, url, lender)
        if lent.wrong is Wrong.CREDENTIALS:
            loan.refused.add(lender)
        return lent

    async def _greet(self, notes: Notes, info: SystemInfo | None, broken: dict[Side, str]) -> None:
        did = f"open a stream to {self.place.host}:{self.place.xmpp_port}"
        what = What("stream", Family.SESSION, did, self.name)
        domain = info.xmpp_domain if info is not None else None
        if Side.XMPP in broken:
            self.why_not = broken[Side.XMPP]
        elif not domain or info is None:
            self.why_not = f"{_needs('systeminfo')} (it tells the XMPP domain)"
        else:
            endpoint = self._endpoint(info, domain)
            within = self.settings.timings.connect_deadline
            probe = stream_probe.greet(endpoint, self.tls, within)
            _, well = await notes.look(what, probe, systeminfo.stream)
            self.endpoint = endpoint if well else None
            self.why_not = "" if well else _needs("stream")
            return
        notes.skip(what, self.why_not)

    def _endpoint(self, info: SystemInfo, domain: str) -> Endpoint:
        finesse = self.settings.finesse
        return Endpoint(
            self.place.host,
            self.place.xmpp_port,
            domain,
            info.xmpp_pub_sub_domain or f"pubsub.{domain}",
            finesse.security.value,
            finesse.certificate_name,
        )


def _needs(step: str) -> str:
    return f"needs the step {step}, which failed or was skipped"
