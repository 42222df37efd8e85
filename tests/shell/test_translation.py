"""What the service asks for and REST answers: the same thing in the other's words."""

from __future__ import annotations

import asyncio
import gc
import warnings
from typing import TYPE_CHECKING

import pytest

from listener.correlation.steps import AnswerKind, Ask
from listener.errors import CredentialsRefused, Unreachable
from listener.finesse.actions import Hold
from listener.finesse.actions.expectation import Probe
from listener.translation import RestWire
from tests.shell.rest_server import CUT, HANG, asking, http, serving
from tests.shell.stage import until

if TYPE_CHECKING:
    from listener.correlation.steps import Look

A = "1001001"
ERRORS = b"<ApiErrors><ApiError><ErrorType>Not Found</ErrorType></ApiError></ApiErrors>"
USER = b"<User><loginId>1001001</loginId><state>READY</state></User>"
DIALOG = b"<Dialog><id>5</id><state>ACTIVE</state></Dialog>"
DIALOGS = b"<Dialogs>" + DIALOG + b"</Dialogs>"


async def looked(probe: Probe, *told: object, dialog_id: str | None = "5") -> tuple[Look, list]:
    async with serving(*told) as server, asking(server.url) as rest:
        rest.set_credentials(A, None)
        look = await RestWire(rest).look(Ask("k", A, probe, dialog_id, 1))
    return look, [seen.line.split()[1] for seen in server.seen]


async def test_request_goes_out_with_its_id_and_body():
    date = "Sat, 21 Nov 2026 08:00:00 GMT"
    answer = http(202).replace(b"\r\n\r\n", f"\r\nDate: {date}\r\n\r\n".encode(), 1)
    async with serving(answer) as server, asking(server.url) as rest:
        rest.set_credentials(A, None)
        request = Hold(agent=A, dialog_id="5", target_media_address="1001")
        told = await RestWire(rest).send(request, "r-1", lambda: None)
    assert (told.kind, told.status) == (AnswerKind.ACCEPTED, 202)
    assert told.date is not None
    (seen,) = server.seen
    assert seen.line.startswith("PUT /finesse/api/Dialog/5 ")
    assert seen.headers["requestid"] == "r-1"
    assert b"<requestedAction>HOLD</requestedAction>" in seen.body


async def test_what_cannot_be_written_was_not_sent():
    async with serving() as server, asking(server.url) as rest:
        rest.set_credentials(A, None)
        request = Hold(agent=A, dialog_id="5", target_media_address="1001")
        told = await RestWire(rest).send(request, "line\nbreak", lambda: None)
    assert told.kind is AnswerKind.NOT_SENT
    assert "requestId" in told.detail
    assert server.seen == []


async def test_refusal_carries_its_errors():
    async with serving(http(404, ERRORS)) as server, asking(server.url) as rest:
        rest.set_credentials(A, None)
        request = Hold(agent=A, dialog_id="5", target_media_address="1001")
        told = await RestWire(rest).send(request, "r-1", lambda: None)
    assert (told.kind, told.status) == (AnswerKind.REFUSED, 404)
    assert [error.error_type for error in told.errors] == ["Not Found"]


async def test_probe_of_a_dialog_shows_it_or_its_absence_or_nothing():
    found, asked = await looked(Probe.DIALOG, http(200, DIALOG))
    assert (found.ok, found.dialog.id, found.absent) == (True, "5", False)
    assert asked == ["/finesse/api/Dialog/5"]
    gone, _ = await looked(Probe.DIALOG, http(404, ERRORS))
    assert (gone.ok, gone.dialog, gone.absent) == (True, None, True)
    broken, _ = await looked(Probe.DIALOG, http(500))
    assert (broken.ok, broken.absent) == (False, False)
    nothing, asked = await looked(Probe.DIALOG, dialog_id=None)
    assert (nothing.ok, asked) == (False, [])


async def test_a_list_that_is_read_behind_the_user_is_as_old_as_its_own_get():
    both, asked = await looked(Probe.ABSENCE, http(200, USER), http(200, DIALOGS))
    assert asked == [f"/finesse/api/User/{A}", f"/finesse/api/User/{A}/Dialogs"]
    assert both.asked < both.dialogs_asked


async def test_probe_of_the_list_and_of_the_user_show_only_these():
    dialogs, asked = await looked(Probe.DIALOGS, http(200, DIALOGS))
    assert [dialog.id for dialog in dialogs.dialogs] == ["5"]
    assert (dialogs.ok, dialogs.user, asked) == (True, None, [f"/finesse/api/User/{A}/Dialogs"])
    user, asked = await looked(Probe.USER, http(200, USER))
    assert (user.ok, user.user.state, user.dialogs) == (True, "READY", None)
    assert asked == [f"/finesse/api/User/{A}"]


@pytest.mark.parametrize("told", [(http(401), http(200, DIALOGS)), (http(200, USER), http(500))])
async def test_probe_of_absence_needs_both(told):
    both, _ = await looked(Probe.ABSENCE, http(200, USER), http(200, DIALOGS))
    assert (both.ok, both.user.state, len(both.dialogs)) == (True, "READY", 1)
    half, _ = await looked(Probe.ABSENCE, *told)
    assert (half.ok, half.user, half.dialogs) == (False, None, None)


async def test_picture_shows_user_and_dialogs_or_says_why_not():
    told = (http(200, USER), http(200, DIALOGS), http(200, USER), CUT)
    async with serving(*told) as server, asking(server.url) as rest:
        rest.set_credentials(A, None)
        wire = RestWire(rest)
        look = await wire.picture(A)
        assert (look.ok, look.user.state, len(look.dialogs)) == (True, "READY", 1)
        with pytest.raises(Unreachable, match=f"the dialogs of agent {A}: .*{server.url}"):
            await wire.picture(A)


@pytest.mark.parametrize(
    ("state", "there"), [("READY", True), ("LOGOUT", False), ("", False), ("NOT_READY", True)]
)
async def test_signed_in_is_every_state_but_logout(state, there):
    body = USER.replace(b"READY", state.encode())
    async with serving(http(200, body)) as server, asking(server.url) as rest:
        rest.set_credentials(A, None)
        assert await RestWire(rest).signed_in(A) is there


async def test_signed_in_tells_a_refused_password_from_a_silent_finesse():
    async with serving(http(401), http(500)) as server, asking(server.url) as rest:
        rest.set_credentials(A, None)
        with pytest.raises(CredentialsRefused, match=A):
            await RestWire(rest).signed_in(A)
        with pytest.raises(Unreachable, match="500"):
            await RestWire(rest).signed_in(A)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (202, None, AnswerKind.ACCEPTED),
        (200, b"", AnswerKind.DOUBTFUL),
        (302, None, AnswerKind.DOUBTFUL),
        (400, ERRORS, AnswerKind.REFUSED),
        (401, b"not xml", AnswerKind.REFUSED),
        (408, None, AnswerKind.DOUBTFUL),
        (500, ERRORS, AnswerKind.DOUBTFUL),
        (501, None, AnswerKind.REFUSED),
        (502, None, AnswerKind.DOUBTFUL),
        (503, None, AnswerKind.DOUBTFUL),
        (503, ERRORS, AnswerKind.REFUSED),
        (504, ERRORS, AnswerKind.DOUBTFUL),
        (0, None, AnswerKind.DOUBTFUL),
    ],
)
async def test_what_a_reported_answer_means(status, body, kind):
    async with asking("http://127.0.0.1:9") as rest:
        told = RestWire(rest).judge(status, body)
    assert (told.kind, told.status) == (kind, status)
    assert bool(told.errors) == (body == ERRORS)


async def test_a_get_of_two_that_is_given_up_at_the_first_leaves_nothing_half_made():
    # the second was made and never awaited, which Python complains of
    async with serving(HANG) as server, asking(server.url) as rest:
        rest.set_credentials(A, None)
        look = asyncio.create_task(RestWire(rest).look(Ask("k", A, Probe.ABSENCE, "5", 1)))
        await until(lambda: bool(server.seen))
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
    assert [seen.line.split()[1] for seen in server.seen] == ["/finesse/api/User/1001001"]
