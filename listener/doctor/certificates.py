"""TLS and certificates: what follows from a handshake, and from a CA file.

Pure. The numbers are OpenSSL's X509_V_ERR_*; which certificate Finesse shows is from
"connect to XMPP over TCP" (developer.cisco.com).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from listener.doctor.findings import Cause, Verdict, counted, doubtful, failed, good
from listener.doctor.seen import Certificate, Handshake, Side, Talk

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = 86_400.0
SOON = 30 * DAY
"""Seconds before the end of a certificate in which there is a warning."""

_NOT_YET, _EXPIRED = 9, 10
_ISSUER_MISSING = frozenset({2, 20, 21})
_SELF_SIGNED = frozenset({18, 19})
_WRONG_NAME = frozenset({62, 63, 64})
_TOO_OLD = frozenset(
    {
        "NO_PROTOCOLS_AVAILABLE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_SSL_VERSION",
        "VERSION_TOO_LOW",
    }
)
_NO_CIPHER = frozenset({"SSLV3_ALERT_HANDSHAKE_FAILURE", "NO_SHARED_CIPHER", "DH_KEY_TOO_SMALL"})


def openssl(seen: Handshake) -> str:
    """Return the command that shows the certificates of a port."""
    way = " -starttls xmpp" if seen.side is Side.XMPP and seen.talk is Talk.XMPP else ""
    host = f"[{seen.host}]" if ":" in seen.host else seen.host
    return (
        f"openssl s_client -connect {host}:{seen.port} -servername {seen.name}{way}"
        " -showcerts </dev/null"
    )


def fetch(host: str) -> str:
    """Return the words for how a node's certificate is got."""
    return (
        f"download the tomcat certificate as PEM from https://{host}:8443/cmplatform (OS"
        " administration, Security > Certificate Management) of every node, or take its issuer's,"
        " and put it into finesse.ca_file"
    )


def handshake(seen: Handshake) -> Verdict:
    """Say whether TLS works, and for how long; else what is wrong with it."""
    if seen.timed_out:
        return failed(
            "no TLS handshake in time: the port is open and says nothing",
            Cause(
                "the service hangs, or a middlebox takes the connection and passes nothing on",
                f"try `{openssl(seen)}` here and on a machine beside the node",
            ),
        )
    if seen.verify_code is not None:
        return failed(f"{_shown(seen)}; refused: {seen.verify_words}", *_refused(seen))
    if seen.reason is not None:
        return _broken(seen)
    if not seen.chain:
        return good(f"{seen.version}")
    return _lasting(seen)


def _lasting(seen: Handshake) -> Verdict:
    ends = min(seen.chain, key=lambda one: one.not_after)
    left = ends.not_after - seen.now
    saw = f"{seen.version}, {_shown(seen)}"
    if left > SOON:
        return good(saw)
    return doubtful(
        saw,
        Cause(
            f"the certificate of {ends.subject} expires in {max(0, int(left // DAY))} days",
            "renew it on the node (OS administration, Security > Certificate Management), and put"
            " the new one into finesse.ca_file if it is not signed by an authority in there",
        ),
    )


def _shown(seen: Handshake) -> str:
    if not seen.chain:
        return "a certificate that this Python does not show"
    leaf = seen.chain[0]
    signer = "itself" if leaf.self_signed else leaf.issuer
    names = ", ".join(leaf.names) or leaf.subject
    more = "" if len(seen.chain) == 1 else f", {len(seen.chain)} certificates sent"
    return f"certificate for {names}, signed by {signer}, until {_date(leaf.not_after)}{more}"


def _date(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _refused(seen: Handshake) -> tuple[Cause, ...]:
    code = seen.verify_code
    if code in _WRONG_NAME:
        return _wrong_name(seen)
    if code == _EXPIRED:
        return (
            Cause(
                _over(seen),
                "renew it on the node (OS administration, Security > Certificate Management) and"
                " restart Cisco Finesse Tomcat and the notification service",
            ),
            Cause("the clock of this machine runs ahead", "compare `date -u` with the node's"),
        )
    if code == _NOT_YET:
        return (
            Cause(
                "the clock of this machine is behind, or the node's was ahead when it was made",
                "compare `date -u` with the node's; set NTP on both",
            ),
        )
    if code in _SELF_SIGNED or code in _ISSUER_MISSING:
        return _unknown(seen)
    return (Cause(seen.verify_words, f"look at it: `{openssl(seen)}`"),)


def _over(seen: Handshake) -> str:
    over = next((one for one in seen.chain if one.not_after < seen.now), None)
    if over is None:
        return "a certificate of the chain has expired"
    return f"the certificate of {over.subject} expired on {_date(over.not_after)}"


def _wrong_name(seen: Handshake) -> tuple[Cause, ...]:
    names = ", ".join(seen.chain[0].names) if seen.chain else "others"
    remedy = "write one of its names in finesse.nodes"
    if seen.side is Side.XMPP:
        remedy += ", or set finesse.certificate_name to one of them (for the XMPP port alone)"
    return (
        Cause(f"the certificate is not for {seen.name}: it names {names}", remedy),
        Cause(
            f"the site renamed the node, or {seen.name} is an alias or an address",
            "or have a certificate made that names it too (subjectAltName)",
        ),
    )


def _unknown(seen: Handshake) -> tuple[Cause, ...]:
    leaf = seen.chain[0] if seen.chain else None
    get = f"{fetch(seen.host)}; or take it with `{openssl(seen)}`"
    if leaf is not None and leaf.self_signed:
        return (
            Cause(f"the node signs its own certificate, and {seen.trusted} does not hold it", get),
            Cause("it was renewed on the node after it was put there", get),
        )
    issuer = leaf.issuer if leaf is not None else "its issuer"
    if len(seen.chain) > 1:
        top = seen.chain[-1]
        root = top.subject if top.self_signed else top.issuer
        return (Cause(f"{seen.trusted} does not hold {root}, which signed it", get),)
    return (
        Cause(f"{seen.trusted} does not hold {issuer}, which signed it", get),
        Cause(
            "the chain is not complete: the node sends its own certificate alone, and one between"
            " it and the authority is missing",
            "install the whole chain on the node (tomcat-trust), or put what is missing into"
            " finesse.ca_file",
        ),
    )


def _broken(seen: Handshake) -> Verdict:
    if seen.talk in {Talk.HTTP, Talk.XMPP}:
        return _not_tls(seen)
    if seen.reason in _TOO_OLD:
        return failed(
            f"no TLS version in common ({seen.reason})",
            Cause(
                "the node offers nothing newer than TLS 1.1, and TLS 1.2 is the least here",
                "on the node: `set tls server min-version 1.2` and restart, or update Finesse",
            ),
        )
    if seen.reason in _NO_CIPHER:
        return failed(
            f"no cipher in common ({seen.reason})",
            Cause(
                "the node's ciphers or its key are too old for this machine's OpenSSL policy",
                f"see what it offers: `{openssl(seen)}`",
            ),
        )
    return failed(
        f"the handshake broke off: {seen.detail or seen.reason}",
        Cause(
            "the port speaks something else, the service is just starting, or a middlebox between"
            " cuts the connection",
            f"try again in a minute; then `{openssl(seen)}`",
        ),
    )


def _not_tls(seen: Handshake) -> Verdict:
    if seen.talk is Talk.HTTP:
        wanted = "8445" if seen.side is Side.REST else "5223"
        return failed(
            "the port does not speak TLS: it answers with HTTP in the clear",
            Cause(f"port {seen.port} is a plain HTTP port", f"use Finesse's TLS port, {wanted}"),
        )
    if seen.side is Side.REST:
        return failed(
            "the port does not speak TLS: it answers with XMPP in the clear",
            Cause(
                f"port {seen.port} is one of the notification service",
                "the REST API is at 8445: correct finesse.rest_port",
            ),
        )
    return failed(
        "the port does not speak TLS from the first byte: it answers with XMPP in the clear",
        Cause(
            "it is the plain port, or one that changes to TLS later (STARTTLS)",
            'use 5223 with finesse.security = "tls"; else finesse.security = "starttls"',
        ),
    )


def authorities(path: str | None, found: Sequence[Certificate], now: float) -> Verdict:
    """Say what the CA file holds and when it ends; None: the system's authorities."""
    if path is None:
        return good(
            "the system's authorities are trusted (finesse.ca_file is left out; Finesse's own"
            " certificate is self-signed unless the site replaced it)"
        )
    over = [one for one in found if one.not_after < now]
    soon = [one for one in found if now <= one.not_after < now + SOON]
    saw = f"{path}: {counted(len(found), 'certificate')}, the first ends {_first(found)}"
    causes = [
        Cause(
            f"{one.subject} {'expired' if one in over else 'expires'} on {_date(one.not_after)}",
            f"put the new one into {path}, and take this one out",
        )
        for one in (*over, *soon)
    ]
    return doubtful(saw, *causes) if causes else good(saw)


def _first(found: Sequence[Certificate]) -> str:
    return _date(min(one.not_after for one in found)) if found else "never"
