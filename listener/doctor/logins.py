"""Accounts and logins: a wrong password, a locked account, or no agent at all.

Pure. Sources: User API errors (guide; docs/errors.md), "User - Sign In" for the lock after five
wrong passwords, RFC 6120 section 6.5 for the conditions of SASL.
"""

from __future__ import annotations

from listener.doctor.findings import Cause, Verdict, counted, doubtful, failed, good
from listener.doctor.seen import Answered, UserSeen, Visited, Wrong

ONE_TRY = "it was tried once and is not tried again: five refusals lock an account for five minutes"
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_REDIRECT = 3  # hundreds
_UNSPEAKABLE = "SASL forbids"
_NOT_BOUND = "refused to bind"


def account(agent: str, seen: UserSeen, extension: str | None, *, sso: bool) -> Verdict:
    """Say what GET /User/{id} in the agent's own name shows; `extension` is the configured one."""
    answer = seen.answer
    if answer.found:
        return _there(agent, seen, extension)
    saw = answer.detail or f"HTTP {answer.status}"
    if answer.status == _UNAUTHORIZED:
        return failed(f"{saw}; {ONE_TRY}", *_unauthorized(agent, answer, sso=sso))
    if answer.status == _NOT_FOUND:
        return failed(
            saw,
            Cause(
                f"the credentials are right, and {agent} is not an agent of this deployment",
                "use the agent id as Finesse administration shows it (Manage Users), not the"
                " login name or the extension",
            ),
        )
    if answer.status == _FORBIDDEN:
        return failed(
            saw,
            Cause(
                "Finesse or a proxy in front of it forbids this machine the API",
                "look at the rules of the proxy, and at `utils finesse` allow-lists",
            ),
        )
    return failed(saw, _elsewhere(answer.status))


def _elsewhere(status: int | None) -> Cause:
    """Return the cause of an answer that says nothing of the account."""
    if status is None:
        return Cause(
            "the web application hangs: it answered SystemInfo and not this",
            "check again in a minute; then look at the load of Cisco Finesse Tomcat on the node",
        )
    if status // 100 == _REDIRECT:
        return Cause(
            "single sign-on, or a proxy with a page of its own, is in front of Finesse",
            "configure a token (token_file) for the agent, and name the nodes themselves in"
            " finesse.nodes",
        )
    return Cause(
        "Finesse answers SystemInfo and not the API: the CTI server is away, or nobody has"
        " noticed yet that it is",
        "wait some seconds and check again; then look at CTI server and PG",
    )


def _there(agent: str, seen: UserSeen, extension: str | None) -> Verdict:
    roles = ", ".join(seen.roles) or "no roles"
    at = f" at {seen.extension}" if seen.extension else ""
    team = f", team {seen.team}" if seen.team else ""
    saw = f"{seen.state or 'no state'}{at}, {roles}{team}"
    causes = []
    if seen.roles and not {"agent", "supervisor"} & {role.casefold() for role in seen.roles}:
        causes.append(
            Cause(
                f"{agent} has neither the role Agent nor Supervisor: Finesse refuses call requests"
                ' ("Invalid Authorization User Specified")',
                "configure an agent or a supervisor in its place",
            )
        )
    if seen.signed_in and extension and seen.extension and extension != seen.extension:
        causes.append(
            Cause(
                f"the agent is signed in at {seen.extension}, and the settings say {extension}",
                f"correct or leave out the extension of agent {agent}; Finesse's is used",
            )
        )
    return doubtful(saw, *causes) if causes else good(saw)


def _unauthorized(agent: str, answer: Answered, *, sso: bool) -> tuple[Cause, ...]:
    if any("user specified" in error.casefold() for error in answer.errors):
        return (
            Cause(
                f"the credentials are those of somebody else than {agent}, or of somebody who is"
                " neither agent nor supervisor",
                f"put the credentials of agent {agent} into its file",
            ),
        )
    if sso:
        return (
            Cause(
                "the access token has expired, or is not one for Finesse",
                "get a new one from Cisco IdS, and put it into the agent's token_file",
            ),
            Cause("the agent does not use single sign-on", "configure a password in its place"),
        )
    return (
        Cause(
            "the password is wrong, or was changed",
            f"sign in to the desktop as {agent} with it; then put the right one into its file",
        ),
        Cause(
            "the account is locked: five wrong passwords lock it for five minutes, and somebody"
            " may be trying still (a daemon with the old password?)",
            "stop who tries, wait five minutes, and check again",
        ),
        Cause(
            f"there is no agent {agent}, or it is a login name in place of the id",
            "compare it with Finesse administration, Manage Users",
        ),
        Cause(
            "the agent uses single sign-on, which takes no password",
            "configure a token (token_file) in its place",
        ),
    )


def session(agent: str, seen: Visited, *, vouched: bool, sso: bool = False) -> Verdict:
    """Say what came of SASL and bind; `vouched`: REST has taken the same credentials just now."""
    if seen.wrong is None:
        other = "" if seen.bound == seen.asked else f" (asked for {seen.asked})"
        return good(f"logged in and bound as {seen.bound}{other}")
    if seen.wrong is Wrong.CREDENTIALS:
        causes = _sasl(agent, seen.detail, vouched=vouched, sso=sso)
        return failed(f"{seen.detail}; {ONE_TRY}", *causes)
    if seen.wrong is Wrong.CONFLICT or _NOT_BOUND in seen.detail:
        return failed(
            seen.detail.partition(" (an earlier session")[0],  # the check has no earlier one
            Cause(
                "the service allows an account one session or a few, and other clients hold them",
                "see who is signed in as that agent besides the desktop; look at the service's"
                " policy for resource conflicts",
            ),
        )
    if "temporary-auth-failure" in seen.detail:
        return failed(
            seen.detail,
            Cause(
                "the service cannot ask who checks passwords now (Finesse, or its database)",
                "wait a minute and check again; then restart Cisco Finesse Tomcat in a quiet hour",
            ),
        )
    return failed(
        seen.detail,
        Cause(
            f"the service broke off or fell silent: {seen.stage}",
            "check again in a minute; then look at the notification service's logs on the node",
        ),
    )


def _sasl(agent: str, detail: str, *, vouched: bool, sso: bool) -> tuple[Cause, ...]:
    if _UNSPEAKABLE in detail:
        return (
            Cause(
                "SASL cannot carry the password, so it was not sent",
                f"have agent {agent} choose one of letters, digits and common signs",
            ),
        )
    locked = Cause(
        "the account is locked or disabled: five wrong passwords lock it for five minutes",
        "stop who tries with a wrong one, wait five minutes, and check again",
    )
    if "account-disabled" in detail or "locked" in detail.casefold():
        return (locked,)
    if "credentials-expired" in detail:
        return (Cause("the password has expired", f"have agent {agent} set a new one"),)
    if not vouched:
        return _unauthorized(agent, Answered(), sso=sso)
    return (
        Cause(
            "REST took the same password just now, the notification service did not: it was"
            " changed lately and one of the two still has the old one (CCE keeps them for about"
            " half an hour)",
            "wait half an hour, or have the agent sign in to the desktop once",
        ),
        locked,
        Cause(
            f"{agent} is no user of the notification service on this node",
            "have the agent sign in to the desktop of this node once",
        ),
        Cause(
            "the agent uses single sign-on, and the service takes no token here",
            "configure a password_file beside the token",
        ),
    )


def dialogs(agent: str, seen: Answered, count: int) -> Verdict:
    """Say whether the agent may read its own dialogs, as after every gap."""
    if seen.found:
        return good(counted(count, "dialog"))
    saw = seen.detail or f"HTTP {seen.status}"
    if seen.status in {_UNAUTHORIZED, _FORBIDDEN}:
        return failed(
            saw,
            Cause(
                f"agent {agent} may not read its dialogs: what was missed in a gap stays unknown",
                "give it the role Agent or Supervisor in CCE or UCCX administration",
            ),
        )
    return failed(
        saw,
        Cause(
            "Finesse cannot say which calls there are: the CTI server is away",
            "wait some seconds and check again; then look at CTI server and PG",
        ),
    )
