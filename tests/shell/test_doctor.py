"""The doctor at a simulated Finesse: what it finds, and that it disturbs nobody."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from listener.doctor import Family, Status
from listener.journal.place import Lock
from listener.simulator.faults import Fault
from listener.simulator.users import AgentSpec
from listener.simulator.xmpp_faults import Refusal, Stage
from tests.shell.doctor_stage import config, examined, failed, step, words, yes
from tests.shell.stage import (
    AGENTS,
    CUSTOMER,
    PASSWORD,
    A,
    B,
    dead_port,
    no_tasks_left,
    simulated,
    until,
)

SIGNED_OUT = (replace(AGENTS[0], state="LOGOUT"), AGENTS[1])


# --- all is well ---------------------------------------------------------------------------------


async def test_where_all_is_well_nothing_fails_and_nothing_is_left_behind(tmp_path):
    async with simulated() as simulator:
        report = await examined(config(tmp_path, simulator, agents=(A, B)))
        assert (report.status, report.exit_code, report.next) == (Status.OK, 0, None)
        assert [one.agent for one in report.steps if one.id == "login"] == [A, B]
        service = simulator.notifications
        assert not [one for one in service.subscriptions if one.explicit]
        assert service.sessions() == []
        assert not simulator.finesse.truth  # nothing but GET
    documented = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert not [one.id for one in report.steps if f"`{one.id}`" not in documented]


async def test_no_presence_is_sent_for_who_is_signed_in(tmp_path):
    async with simulated() as simulator:
        report = await examined(config(tmp_path, simulator))
        assert step(report, "presence").status is Status.SKIPPED
        assert "60 s timer" in words(step(report, "presence"))
        assert step(report, "finesse").status is Status.SKIPPED
        assert simulator.notifications.presence_log == []


async def test_who_is_signed_out_is_present_for_a_moment(tmp_path):
    async with simulated(agents=SIGNED_OUT) as simulator:
        report = await examined(config(tmp_path, simulator))
        assert step(report, "presence").status is Status.OK
        assert (step(report, "finesse").status, words(step(report, "finesse")).strip()) == (
            Status.OK,
            "available",
        )
        assert not simulator.notifications.present(A)


async def test_settings_without_presence_send_none_for_anybody(tmp_path):
    async with simulated(agents=SIGNED_OUT) as simulator:
        file = config(tmp_path, simulator, edit={"[finesse]": '[finesse]\npresence = "none"'})
        report = await examined(file)
        assert 'presence = "none"' in words(step(report, "presence"))
        assert simulator.notifications.presence_log == []


async def test_one_agent_of_many_can_be_chosen(tmp_path):
    async with simulated() as simulator:
        report = await examined(config(tmp_path, simulator, agents=(A, B)), agents=(B,))
        assert {one.agent for one in report.steps} == {None, B}


# --- settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"[finesse]": "[finesse]\nnode = 1"}, "did you mean nodes"),
        ({"[finesse]": "[finesse"}, "not TOML"),
        ({'"passwords"': '"elsewhere"'}, "no password"),
    ],
)
async def test_settings_that_cannot_work_are_told_with_their_key_and_all_else_is_skipped(
    tmp_path, edit, said
):
    async with simulated() as simulator:
        report = await examined(config(tmp_path, simulator, edit=edit))
    assert failed(report) == ["configuration"]
    assert said in words(step(report, "configuration"))
    assert report.exit_code == Family.CONFIGURATION == 78
    assert report.steps[-1].status is Status.SKIPPED


async def test_an_agent_who_is_not_configured_is_named(tmp_path):
    async with simulated() as simulator:
        report = await examined(config(tmp_path, simulator), agents=("4711",))
    assert failed(report) == ["configuration"]
    assert "4711" in words(step(report, "configuration"))


async def test_a_secret_that_everybody_can_read_is_a_warning_with_the_command(tmp_path):
    async with simulated() as simulator:
        file = config(tmp_path, simulator)
        secret = tmp_path / "passwords" / A
        secret.chmod(0o644)
        report = await examined(file)
    assert step(report, "configuration").status is Status.WARNING
    assert f"chmod 600 {secret}" in words(step(report, "configuration"))
    assert report.exit_code == 0


async def test_a_ca_file_without_certificates_is_named(tmp_path):
    async with simulated() as simulator:
        file = config(tmp_path, simulator)
        (tmp_path / "ca.pem").write_text("no certificate")
        report = await examined(file)
    assert failed(report) == ["authorities"]
    assert "openssl x509" in words(step(report, "authorities"))


# --- the network ---------------------------------------------------------------------------------


async def test_a_name_that_leads_nowhere_stops_the_steps_behind_it(tmp_path):
    async with simulated() as simulator:
        file = config(tmp_path, simulator, edit={"//127.0.0.1:": "//no.such.host.invalid:"})
        report = await examined(file)
    assert failed(report) == ["names"]
    assert report.exit_code == Family.NAMES
    for name in ("tcp.rest", "tls.xmpp", "systeminfo", "stream", "account", "login", "ping"):
        assert step(report, name).status is Status.SKIPPED, name
        assert "needs the step" in words(step(report, name))


async def test_a_closed_rest_port_stops_what_needs_it_and_not_the_other_port(tmp_path):
    async with simulated() as simulator:
        port = dead_port()
        edit = {f":{simulator.http.port}": f":{port}"}
        report = await examined(config(tmp_path, simulator, edit=edit))
    assert failed(report) == ["tcp.rest"]
    assert "Tomcat" in words(step(report, "tcp.rest"))
    assert step(report, "tls.xmpp").status is Status.OK
    assert "needs the step systeminfo" in words(step(report, "stream"))


async def test_a_closed_xmpp_port_leaves_the_account_to_be_looked_at(tmp_path):
    async with simulated() as simulator:
        await simulator.notifications.refuse_connections(Refusal.NOT_LISTENING)
        report = await examined(config(tmp_path, simulator))
        await simulator.notifications.accept_connections()
    assert failed(report) == ["tcp.xmpp"]
    assert report.exit_code == Family.NETWORK == 69
    assert step(report, "account").status is Status.OK
    assert "tcp.xmpp" in words(step(report, "login"))


async def test_one_node_that_is_down_leaves_the_other_to_be_looked_at(tmp_path):
    async with simulated(nodes=2) as simulator:
        file = config(tmp_path, simulator)
        await simulator.nodes[0].stop()
        report = await examined(file)
        await simulator.nodes[0].start()
    assert failed(report) == ["tcp.rest", "tcp.xmpp"]
    assert [one.status for one in report.steps if one.id == "login"] == [
        Status.SKIPPED,
        Status.OK,
    ]


async def test_a_port_of_another_server_is_not_finesse(tmp_path):
    async with simulated() as simulator:

        async def page(_request):
            from listener.simulator.interfaces import HttpResponse  # noqa: PLC0415 - short

            return HttpResponse(200, b"<html>hello</html>")

        simulator.http._handler = page
        report = await examined(config(tmp_path, simulator))
    assert failed(report) == ["systeminfo"]
    assert "another server" in words(step(report, "systeminfo"))
    assert report.exit_code == Family.SYSTEM_INFO


# --- Finesse -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said"), [("OUT_OF_SERVICE", "CTI server"), ("PARTIAL_SERVICE", "wait a minute")]
)
async def test_out_of_service_is_told_and_the_stream_is_looked_at_all_the_same(
    tmp_path, status, said
):
    async with simulated() as simulator:
        simulator.finesse.set_status(status)
        report = await examined(config(tmp_path, simulator))
    assert failed(report)[0] == "systeminfo"
    assert said in words(step(report, "systeminfo"))
    assert step(report, "stream").status is Status.OK
    assert f"Finesse says {status}" in words(step(report, "account"))
    assert step(report, "login").status is Status.OK


async def test_systeminfo_behind_a_proxy_is_asked_with_credentials_once(tmp_path):
    async with simulated() as simulator:
        asked = _wants_credentials(simulator)
        report = await examined(config(tmp_path, simulator))
    assert report.status is Status.OK
    assert f"credentials of agent {A}" in words(step(report, "systeminfo"))
    assert asked == [False, True]


async def test_credentials_that_the_proxy_refuses_are_not_tried_again(tmp_path):
    async with simulated() as simulator:
        _wants_credentials(simulator)
        report = await examined(config(tmp_path, simulator, passwords={A: "wrong"}))
        assert simulator.finesse.accounts._wrong == {A: 1}
        assert simulator.notifications.auth_attempts == {}
    assert failed(report) == ["systeminfo"]
    assert "not tried again" in words(step(report, "account"))


def _wants_credentials(simulator) -> list[bool]:
    inner, asked = simulator.http._handler, []

    async def proxy(request):
        from listener.simulator.interfaces import HttpResponse  # noqa: PLC0415 - short

        if request.path.endswith("/SystemInfo"):
            given = request.headers.get("authorization")
            asked.append(given is not None)
            if given is None:
                return HttpResponse(401)
            try:
                simulator.finesse.accounts.user(given)
            except Exception:  # noqa: BLE001 - whatever refuses
                return HttpResponse(401)
        return await inner(request)

    simulator.http._handler = proxy
    return asked


async def test_another_deployment_than_configured_is_a_warning(tmp_path):
    async with simulated() as simulator:
        file = config(tmp_path, simulator, edit={"[finesse]": '[finesse]\ndeployment = "UCCX"'})
        report = await examined(file)
    assert step(report, "systeminfo").status is Status.WARNING
    assert "UCCX" in words(step(report, "systeminfo"))


async def test_a_second_node_that_is_not_configured_is_a_warning(tmp_path):
    async with simulated(nodes=2) as simulator:
        second = simulator.nodes[1]
        entry = (
            f'    {{ host = "127.0.0.1", rest_port = {second.http.port},'
            f" xmpp_port = {second.xmpp_port} }},\n"
        )
        report = await examined(config(tmp_path, simulator, edit={entry: ""}))
    assert step(report, "systeminfo").status is Status.WARNING
    assert "second node" in words(step(report, "systeminfo"))


@pytest.mark.parametrize("seconds", [60, -60])
async def test_clocks_that_differ_are_a_warning(tmp_path, seconds):
    async with simulated(wall=lambda: datetime.now(UTC) + timedelta(seconds=seconds)) as simulator:
        report = await examined(config(tmp_path, simulator))
    assert step(report, "clock").status is Status.WARNING
    assert ("ahead of" if seconds > 0 else "behind") in words(step(report, "clock"))
    assert "NTP" in words(step(report, "clock"))


async def test_without_a_timestamp_the_date_of_the_answer_tells_the_clock(tmp_path):
    async with simulated(wall=lambda: datetime.now(UTC) + timedelta(seconds=60)) as simulator:
        inner = simulator.http._handler

        async def no_timestamp(request):
            answer = await inner(request)
            body = re.sub(b"<currentTimestamp>.*?</currentTimestamp>", b"", answer.body)
            return replace(answer, body=body)

        simulator.http._handler = no_timestamp
        report = await examined(config(tmp_path, simulator))
    assert step(report, "clock").status is Status.WARNING
    assert "ahead of" in words(step(report, "clock"))


# --- the stream ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "stopped"),
    [(Stage.AFTER_TLS, "first words after TLS"), (Stage.AFTER_HEADER, "first words")],
)
async def test_a_service_that_falls_silent_is_told_with_where(tmp_path, stage, stopped):
    async with simulated() as simulator:
        simulator.notifications.tarpit(stage)
        extra = "\n[timings]\nconnect_deadline = 2\n"
        report = await examined(config(tmp_path, simulator, extra=extra))
    assert failed(report) == ["stream"]
    assert stopped in words(step(report, "stream"))
    assert report.exit_code == Family.SESSION


async def test_a_service_for_another_domain_is_told(tmp_path):
    async with simulated() as simulator:
        simulator.notifications.domain = "other.example"
        report = await examined(config(tmp_path, simulator))
    assert failed(report)[0] == "stream"
    assert "does not serve the domain localhost" in words(step(report, "stream"))


# --- the account ---------------------------------------------------------------------------------


async def test_a_wrong_password_is_tried_once_in_all(tmp_path):
    async with simulated(nodes=2) as simulator:
        report = await examined(config(tmp_path, simulator, passwords={A: "wrong"}))
        assert simulator.finesse.accounts._wrong == {A: 1}
        for node in simulator.nodes:
            assert node.notifications.auth_attempts == {}
    assert failed(report) == ["account"]
    assert report.exit_code == Family.LOGIN == 77
    said = words(step(report, "account"))
    assert "wrong" in step(report, "account").verdict.causes[0].words
    assert "locked" in said
    assert "five refusals lock an account" in said
    assert "correct-horse" not in said
    assert step(report, "login", node=1).status is Status.SKIPPED


async def test_a_locked_account_is_one_of_the_causes(tmp_path):
    async with simulated() as simulator:
        for _ in range(5):
            simulator.finesse.accounts.check(A, "wrong")
        report = await examined(config(tmp_path, simulator))
        assert simulator.notifications.auth_attempts == {}
    assert failed(report) == ["account"]
    assert "wait five minutes" in words(step(report, "account"))


async def test_right_credentials_of_who_is_no_agent_are_told_from_a_wrong_password(tmp_path):
    async with simulated() as simulator:
        inner = simulator.http._handler

        async def no_agent(request):
            from listener.simulator.interfaces import HttpResponse  # noqa: PLC0415 - short

            if f"/User/{B}" in request.path:
                return HttpResponse(404, b"<ApiErrors><ApiError/></ApiErrors>")
            return await inner(request)

        simulator.http._handler = no_agent
        report = await examined(config(tmp_path, simulator, agents=(B,)))
    assert "account" in failed(report)
    assert f"{B} is not an agent" in words(step(report, "account"))


async def test_an_api_that_answers_503_is_told_from_a_wrong_password(tmp_path):
    async with simulated() as simulator:
        simulator.finesse.faults.add(Fault.UNAVAILABLE, action="GET", times=1)
        report = await examined(config(tmp_path, simulator))
    assert failed(report) == ["account"]
    assert "CTI server" in words(step(report, "account"))
    assert step(report, "login").status is Status.OK


async def test_dialogs_that_cannot_be_read_are_a_matter_of_permission(tmp_path):
    async with simulated() as simulator:
        inner = simulator.http._handler

        async def no_dialogs(request):
            from listener.simulator.interfaces import HttpResponse  # noqa: PLC0415 - short

            if request.path.endswith("/Dialogs"):
                return HttpResponse(401)
            return await inner(request)

        simulator.http._handler = no_dialogs
        report = await examined(config(tmp_path, simulator))
    assert failed(report) == ["dialogs"]
    assert report.exit_code == Family.PERMISSION
    assert "may not read" in words(step(report, "dialogs"))


async def test_another_extension_than_configured_is_a_warning(tmp_path):
    async with simulated() as simulator:
        edit = {f'extension = "{A}"': 'extension = "4711"'}
        report = await examined(config(tmp_path, simulator, edit=edit))
    assert step(report, "account").status is Status.WARNING
    assert "4711" in words(step(report, "account"))


# --- the login -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (False, "changed lately"),
        ("account-disabled", "locked or disabled"),
        ("credentials-expired", "password has expired"),
        ("temporary-auth-failure", "cannot ask who checks passwords"),
    ],
)
async def test_a_login_that_is_refused_though_rest_took_the_password(tmp_path, answer, said):
    async with simulated(nodes=2) as simulator:
        for node in simulator.nodes:
            node.notifications.check = lambda _user, _password: answer
        report = await examined(config(tmp_path, simulator))
        tried = sum(node.notifications.auth_attempts[A] for node in simulator.nodes)
    assert failed(report)[0] == "login"
    assert step(report, "account").status is Status.OK
    assert said in words(step(report, "login"))
    assert tried == (2 if answer == "temporary-auth-failure" else 1)
    assert step(report, "ping").status is Status.SKIPPED


async def test_a_login_without_a_word_of_rest_names_the_causes_of_both(tmp_path):
    async with simulated() as simulator:
        simulator.finesse.set_status("OUT_OF_SERVICE")
        simulator.notifications.check = lambda _user, _password: False
        report = await examined(config(tmp_path, simulator))
    assert failed(report) == ["systeminfo", "login"]
    assert "the password is wrong" in words(step(report, "login"))


@pytest.mark.parametrize("stage", [Stage.AFTER_SASL, Stage.AFTER_BIND])
async def test_a_login_that_stops_halfway_is_told_with_where(tmp_path, stage):
    async with simulated() as simulator:
        simulator.notifications.tarpit(stage)
        extra = "\n[timings]\nconnect_deadline = 3\n"
        report = await examined(config(tmp_path, simulator, extra=extra))
    assert failed(report) == ["login"]
    assert "after login" in words(step(report, "login"))


# --- what would be heard -------------------------------------------------------------------------


async def test_missing_automatic_subscriptions_of_who_is_signed_in_are_a_failure(tmp_path):
    async with simulated() as simulator:
        simulator.notifications.automatic = ("/finesse/api/SystemInfo",)
        report = await examined(config(tmp_path, simulator))
    assert failed(report) == ["subscriptions"]
    assert f"/finesse/api/user/{A}/dialogs" in words(step(report, "subscriptions"))
    assert report.exit_code == Family.SUBSCRIPTIONS


async def test_missing_automatic_subscriptions_of_who_is_signed_out_are_a_warning(tmp_path):
    async with simulated(agents=SIGNED_OUT) as simulator:
        simulator.notifications.automatic = ()
        report = await examined(config(tmp_path, simulator))
    assert step(report, "subscriptions").status is Status.WARNING
    assert "at sign-in" in words(step(report, "subscriptions"))


async def test_stale_and_foreign_subscriptions_are_told_and_left_alone(tmp_path):
    async with simulated() as simulator:
        node, books = "/finesse/api/Team/5/Users", simulator.notifications._subscriptions
        for resource in ("listener-dead-1", "desktop"):
            books.add(node, f"{A}@localhost/{resource}", explicit=True)
        report = await examined(config(tmp_path, simulator))
        assert len(books.at(node)) == 2
    said = words(step(report, "subscriptions"))
    assert step(report, "subscriptions").status is Status.WARNING
    assert "listener-dead-1" in said
    assert f"{A}@localhost/desktop" in said


async def test_a_user_finesse_who_is_not_seen_is_unknown(tmp_path):
    async with simulated(agents=SIGNED_OUT) as simulator:
        simulator.notifications.set_finesse_presence(available=False)
        report = await examined(config(tmp_path, simulator))
    assert step(report, "finesse").status is Status.WARNING
    assert "unknown" in words(step(report, "finesse"))


# --- this machine --------------------------------------------------------------------------------


async def test_a_journal_without_its_folder_is_told(tmp_path):
    async with simulated() as simulator:
        edit = {'"journal.sqlite"': '"not/there/journal.sqlite"'}
        report = await examined(config(tmp_path, simulator, edit=edit))
    assert failed(report) == ["journal"]
    assert report.exit_code == Family.MACHINE


async def test_a_daemon_that_runs_is_told_and_disturbs_nothing(tmp_path):
    async with simulated() as simulator:
        file = config(tmp_path, simulator)
        with closing(socket.socket(socket.AF_UNIX)) as daemon:
            daemon.bind(str(tmp_path / "api.sock"))
            daemon.listen(5)
            report = await examined(file, confirm=yes)
    assert report.status is Status.OK
    assert "runs beside it" in words(step(report, "api.socket"))
    assert "a daemon runs here" in words(step(report, "notification"))


async def test_a_port_that_somebody_else_has_is_told(tmp_path):
    tokens = tmp_path / "tokens.toml"
    tokens.touch(mode=0o600)
    tokens.write_text('[[tokens]]\nname = "x"\nscopes = ["nothing"]\n')
    async with simulated() as simulator:
        with closing(socket.create_server(("127.0.0.1", 0))) as other:
            port = other.getsockname()[1]
            text = f'socket = ""\nlisten = "127.0.0.1:{port}"\ntokens_file = "tokens.toml"'
            report = await examined(config(tmp_path, simulator, edit={'socket = "api.sock"': text}))
    assert failed(report) == ["api.listen", "tokens"]
    assert "ss -ltnp" in words(step(report, "api.listen"))
    assert "listener token" in words(step(report, "tokens"))


async def test_a_daemon_is_known_by_its_journal_too(tmp_path):
    lock = Lock(tmp_path / "journal.sqlite")
    async with simulated() as simulator:
        file = config(tmp_path, simulator, edit={'socket = "api.sock"': 'socket = ""'})
        assert lock.take()
        beside = await examined(file, confirm=yes)
        lock.release()
        alone = await examined(file, confirm=yes)
    assert step(beside, "notification").status is Status.SKIPPED
    assert step(alone, "notification").status is Status.OK


async def test_the_daemons_own_certificate_is_looked_at(tmp_path):
    issued = trustme.CA().issue_cert("localhost")
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "good.pem"))
    (tmp_path / "bad.pem").write_text("no certificate")
    tokens = tmp_path / "tokens.toml"
    tokens.touch(mode=0o600)
    found = []
    async with simulated() as simulator:
        for name in ("good", "bad"):
            text = (
                'listen = "127.0.0.1:0"\ntokens_file = "tokens.toml"\n'
                f'tls_certificate = "{name}.pem"\ntls_key = "key.pem"'
            )
            file = config(tmp_path, simulator, edit={'socket = "api.sock"': text})
            found.append(step(await examined(file), "api.certificate"))
    assert [one.status for one in found] == [Status.OK, Status.FAILED]
    assert "bad.pem" in words(found[1])


async def test_settings_without_agents_are_checked_as_far_as_nodes(tmp_path):
    async with simulated() as simulator:
        file = config(tmp_path, simulator, agents=())
        report = await examined(file, confirm=yes)
    assert step(report, "stream").status is Status.OK
    assert "there is no agent" in words(step(report, "notification"))
    assert report.exit_code == 0


# --- ways to speak -------------------------------------------------------------------------------


async def test_another_name_for_the_certificate_holds_for_the_xmpp_port_alone(tmp_path):
    async with simulated() as simulator:
        edit = {"[finesse]": '[finesse]\ncertificate_name = "node.example"'}
        report = await examined(config(tmp_path, simulator, edit=edit))
    assert failed(report) == ["tls.xmpp"]
    assert "not for node.example" in words(step(report, "tls.xmpp"))


@pytest.mark.parametrize("security", ["starttls", "plain"])
async def test_where_tls_does_not_come_first_that_step_is_left_out(tmp_path, security):
    async with simulated() as simulator:
        service = simulator.notifications
        await service.stop(grace=0)
        await service.start(tls_port=0, starttls_port=0, plain_port=0)
        port = getattr(service, f"{security}_port")
        edit = {
            "[finesse]": f'[finesse]\nsecurity = "{security}"',
            f"xmpp_port = {service.tls_port}": f"xmpp_port = {port}",
        }
        report = await examined(config(tmp_path, simulator, edit=edit))
    assert failed(report) == []
    assert step(report, "tls.xmpp").status is Status.SKIPPED
    assert step(report, "login").status is Status.OK


async def test_a_token_that_no_header_can_carry_is_a_matter_of_the_settings(tmp_path):
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text("two words")
    async with simulated() as simulator:
        edit = {f'extension = "{A}"': 'token_file = "token"'}
        report = await examined(config(tmp_path, simulator, edit=edit))
    assert failed(report) == ["configuration"]
    assert "two words" not in words(step(report, "configuration"))


# --- the notification ----------------------------------------------------------------------------


async def test_a_notification_is_heard_after_it_was_confirmed(tmp_path):
    asked = []

    async def confirm(told):
        asked.append(told)
        return True

    async with simulated() as simulator:
        report = await examined(config(tmp_path, simulator), confirm=confirm)
        (deed,) = simulator.finesse.truth
        assert (deed.agent, deed.action, deed.effect) == (A, "NOT_READY", True)
        assert not [one for one in simulator.notifications.subscriptions if one.explicit]
        assert simulator.notifications.presence_log == []
        assert simulator.finesse.agents[A].state == "NOT_READY"
    assert step(report, "notification").status is Status.OK
    assert "confirmed" in words(step(report, "notification"))
    assert len(asked) == 1


async def test_nothing_is_asked_of_finesse_that_was_not_confirmed(tmp_path):
    async def no(_words):
        return False

    async with simulated() as simulator:
        report = await examined(config(tmp_path, simulator), confirm=no)
        assert not simulator.finesse.truth
    assert step(report, "notification").status is Status.SKIPPED


async def test_no_agent_is_moved_out_of_its_state_for_a_notification(tmp_path):
    ready = AgentSpec(id=A, password=PASSWORD[A], extension=A, state="READY")
    async with simulated(agents=(ready, AGENTS[1])) as simulator:
        report = await examined(config(tmp_path, simulator), confirm=yes)
        assert not simulator.finesse.truth
    assert "NOT_READY alone" in words(step(report, "notification"))


async def test_no_notification_is_provoked_for_who_has_a_call(tmp_path):
    async with simulated() as simulator:
        await simulator.finesse.incoming_call(A, CUSTOMER, call_type="OTHER_IN")
        await simulator.finesse.quiet()
        report = await examined(config(tmp_path, simulator), confirm=yes)
        assert not simulator.finesse.truth
    assert step(report, "dialogs").verdict.saw == "1 dialog"
    assert step(report, "notification").status is Status.SKIPPED


async def test_subscriptions_of_other_listeners_are_not_put_at_risk(tmp_path):
    async with simulated() as simulator:
        books = simulator.notifications._subscriptions
        books.add("/finesse/api/Team/5/Users", f"{A}@localhost/listener-far-1", explicit=True)
        report = await examined(config(tmp_path, simulator), confirm=yes)
        assert not simulator.finesse.truth
    assert "tidied away" in words(step(report, "notification"))


async def test_a_notification_that_does_not_come_is_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr("listener.doctor.probes.notification.WITHIN", 1.0)
    async with simulated() as simulator:
        simulator.finesse.faults.add(Fault.SILENT, action="NOT_READY")
        report = await examined(config(tmp_path, simulator), confirm=yes)
    assert failed(report) == ["notification"]
    assert report.exit_code == Family.NOTIFICATION
    assert "0 events heard" in words(step(report, "notification"))


async def test_a_request_that_is_refused_is_told_with_the_error(tmp_path):
    async with simulated() as simulator:
        simulator.finesse.faults.add(Fault.REFUSED_LATER, action="NOT_READY")
        report = await examined(config(tmp_path, simulator), confirm=yes)
    assert "failed" in words(step(report, "notification"))


# --- bounds --------------------------------------------------------------------------------------


async def test_the_whole_check_is_bounded(tmp_path):
    with no_tasks_left():
        async with simulated() as simulator:
            simulator.notifications.freeze()
            report = await examined(config(tmp_path, simulator), within=0.5)
            simulator.notifications.thaw()
    assert failed(report)[-1] == "time"
    assert "--within" in words(step(report, "time"))


async def test_a_check_that_is_given_up_leaves_nothing(tmp_path):
    with no_tasks_left():
        async with simulated() as simulator:
            simulator.notifications.tarpit(Stage.AFTER_SASL)
            task = asyncio.create_task(examined(config(tmp_path, simulator)))
            await until(lambda: simulator.notifications.auth_attempts)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_many_agents_are_told_one_after_the_other(tmp_path):
    specs = [
        AgentSpec(id=f"20{n:02}", password=f"pw-{n}", extension=f"20{n:02}") for n in range(20)
    ]
    async with simulated(agents=specs) as simulator:
        ids = tuple(spec.id for spec in specs)
        file = config(
            tmp_path,
            simulator,
            agents=ids,
            passwords={spec.id: spec.password for spec in specs},
        )
        report = await examined(file)
    assert report.status is Status.OK
    told = [one.agent for one in report.steps if one.agent]
    assert told == sorted(told)
    assert [one.agent for one in report.steps if one.id == "login"] == list(ids)
