"""This machine's side: settings, folders, sockets, ports and limits; and the notification heard.

Pure. What a daemon needs beyond the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from listener.doctor.findings import Cause, Verdict, counted, doubtful, failed, good
from listener.doctor.seen import Heard, Held, Hold, PlaceSeen

if TYPE_CHECKING:
    from collections.abc import Sequence

_MIB = 1024 * 1024


def configuration(path: str, problems: Sequence[str], warnings: Sequence[str]) -> Verdict:
    """Say what is wrong with the settings; a problem names file and key itself."""
    if problems:
        count = counted(len(problems), "problem")
        return failed(f"{path}: {count}", *(Cause(one, _way_out(one, path)) for one in problems))
    if warnings:
        return doubtful(
            f"{path} is in order, with {counted(len(warnings), 'warning')}",
            *(Cause(one, _mend(one, path)) for one in warnings),
        )
    return good(f"{path} is in order")


def _way_out(problem: str, path: str) -> str:
    if "Permission denied" in problem:
        return "give the user who runs this the right to read it (chown, chmod 600)"
    if "No such file" in problem or "no such file" in problem:
        return "write the path as it is, or make the file"
    return f"correct it in {path}; docs and config/listener.example.toml show every key"


def _mend(warning: str, path: str) -> str:
    if "_DIRECTORY" in warning:
        return (
            "systemd sets it for the daemon (RuntimeDirectory=, StateDirectory=); where the daemon"
            f" is started otherwise, name the path in {path}"
        )
    file, found, _ = warning.partition(" can be read by everybody")
    return f"chmod 600 {file}" if found else f"change it in {path}, or leave it so on purpose"


def journal(seen: PlaceSeen, megabytes: int, *, taken: bool = False) -> Verdict:
    """Say whether the journal can be written; `taken`: a daemon with other settings has it."""
    if taken:
        return failed(
            f"{seen.path} is in use by another process, and no daemon answers where these settings"
            " say",
            Cause(
                "a daemon with other settings has it: `listener run` would end with code 78",
                f"name another file in journal.path, or stop the one that has it"
                f" (`fuser {seen.path}.lock`)",
            ),
        )
    if seen.trouble is not None and seen.trouble.startswith("the journal "):
        return failed(
            seen.trouble,
            Cause("an older version of this program was installed", "run the newer one again"),
        )
    if seen.trouble is not None:
        return failed(
            f"{seen.path}: {seen.trouble}",
            Cause(
                "the daemon's user may not write there, or the folder is missing",
                "make the folder, owned by the daemon's user (systemd: StateDirectory=); run the"
                " check as that user",
            ),
        )
    saw = f"{seen.path} can be written"
    if seen.free is None or seen.free >= megabytes * _MIB:
        return good(saw)
    return doubtful(
        f"{saw}, with {seen.free // _MIB} MiB free",
        Cause(
            f"the journal may grow to {megabytes} MB, and no new request is taken once the disk"
            " is full",
            "make room, or lower journal.max_megabytes",
        ),
    )


def recording(seen: PlaceSeen) -> Verdict:
    """Say whether the transcript can be written."""
    if seen.trouble is None:
        return good(f"{seen.path} can be written")
    return failed(
        seen.trouble if seen.path in seen.trouble else f"{seen.path}: {seen.trouble}",
        Cause(
            "recording.path is not a file that this program may begin or add to",
            "name a new file in a folder of the daemon's user, or leave recording.path out",
        ),
    )


def folder(what: str, seen: PlaceSeen) -> Verdict:
    """Say whether a socket can be made in its folder."""
    if seen.trouble is None:
        return good(f"{seen.path} can be used for {what}")
    return failed(
        f"{seen.path}: {seen.trouble}",
        Cause(
            f"the folder of {what} is missing, or not this user's",
            "make it (systemd: RuntimeDirectory=), or name another place; run the check as the"
            " daemon's user",
        ),
    )


def held(seen: Held) -> Verdict:
    """Say whether a place where callers come in is free, or a daemon's."""
    if seen.hold is Hold.FREE:
        return good(f"{seen.where} is free for {seen.what}")
    if seen.hold is Hold.DAEMON:
        return good(f"a daemon serves {seen.what} at {seen.where}; this check runs beside it")
    if seen.hold is Hold.FORBIDDEN:
        return failed(
            f"{seen.where}: {seen.detail}",
            Cause(
                "this user may not use that port or socket",
                "ports below 1024 need CAP_NET_BIND_SERVICE; run the check as the daemon's user",
            ),
        )
    return failed(
        f"{seen.where} is taken: {seen.detail}",
        Cause(
            "another program listens there, or another daemon by other settings",
            f"see who: `ss -ltnp`; end it, or give {seen.what} another place",
        ),
    )


def tokens(seen: PlaceSeen) -> Verdict:
    """Say whether the file of the callers' tokens can be used."""
    if seen.trouble is None:
        return good(f"{seen.path} is in order")
    return failed(
        f"{seen.trouble}",
        Cause(
            "the tokens file cannot be used, so that the daemon does not start",
            "`listener token` makes entries for it; config/tokens.example.toml shows one",
        ),
    )


def files(limit: int, problem: str | None) -> Verdict:
    """Say whether so many files may be open as the settings allow."""
    if problem is None:
        return good(f"{limit} files may be open, which is enough")
    return doubtful(
        f"at most {limit} files may be open",
        Cause(problem, "raise LimitNOFILE= in the unit, or `ulimit -Hn` for this user"),
    )


def notification(seen: Heard) -> Verdict:
    """Say whether the answer to a harmless request was heard."""
    saw = (
        f"{seen.asked}: {seen.outcome}"
        + (f" by {seen.evidence}" if seen.evidence else "")
        + f", {counted(seen.events, 'event')} heard in {seen.seconds:.1f} s"
        + (f" ({seen.detail})" if seen.detail else "")
    )
    if seen.events:
        return good(saw)
    if seen.outcome in {"failed", "rejected"}:
        return failed(
            saw,
            Cause(
                "Finesse does not let this agent do it now",
                "read the error (`listener explain`); choose an agent who is NOT_READY",
            ),
        )
    return failed(
        saw,
        Cause(
            "Finesse published nothing, as nothing changed for the agent (it is not documented"
            " whether a state that stays the same is published)",
            "change the agent's state on the desktop while `listener watch` runs: does it show?",
        ),
        Cause(
            "events do not reach this machine: subscriptions are missing, or the web application"
            " has lost the notification service",
            "look at the steps `subscriptions` and `finesse` above",
        ),
    )
