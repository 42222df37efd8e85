"""What the doctor concludes from what was seen, without a network."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from listener.cli import check_words
from listener.doctor import (
    Cause,
    Family,
    Report,
    Status,
    Step,
    Verdict,
    certificates,
    hearing,
    logins,
    machine,
    network,
    systeminfo,
)
from listener.doctor.findings import good, skipped
from listener.doctor.probes import machine as machine_probe
from listener.doctor.seen import (
    Answered,
    Configured,
    Greeted,
    Handshake,
    Heard,
    Held,
    Hold,
    InfoSeen,
    Knock,
    Knocked,
    PlaceSeen,
    Side,
    UserSeen,
    Visited,
    Wrong,
)
from listener.doctor.steps import Notes, What
from listener.finesse.model import SystemInfo
from listener.journal.schema import APPLICATION
from listener.xmpp.stanzas import Subscription

NODE = "fin1.example.com"
SAMPLE = Path(__file__).parents[2] / "samples" / "transcript-hold.jsonl"


def said(verdict: Verdict) -> str:
    return " ".join((verdict.saw, *(f"{one.words} {one.remedy}" for one in verdict.causes)))


def first(verdict: Verdict) -> str:
    return f"{verdict.causes[0].words} {verdict.causes[0].remedy}"


# --- ports ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "port", "knock", "words"),
    [
        (Side.XMPP, 5222, Knock.REFUSED, "enableInsecureOpenfirePort"),
        (Side.XMPP, 5223, Knock.REFUSED, "enableExternalNotificationPortAccess"),
        (Side.XMPP, 5999, Knock.REFUSED, "does not run"),
        (Side.REST, 8445, Knock.REFUSED, "Tomcat"),
        (Side.REST, 8445, Knock.SILENT, "firewall"),
        (Side.XMPP, 5223, Knock.SILENT, "firewall"),
        (Side.XMPP, 5223, Knock.UNREACHABLE, "route"),
    ],
)
def test_the_likeliest_cause_of_a_closed_port_comes_first(side, port, knock, words):
    verdict = network.port(Knocked(side, NODE, port, (("192.0.2.1", knock),)))
    assert verdict.status is Status.FAILED
    assert words in first(verdict)


def test_the_allow_list_is_a_cause_for_the_xmpp_port_alone():
    seen = [Knocked(s, NODE, 1, (("192.0.2.1", Knock.SILENT),)) for s in (Side.REST, Side.XMPP)]
    told = ["external_port_access" in said(network.port(one)) for one in seen]
    assert told == [False, True]


def test_an_address_that_does_not_serve_is_a_warning_where_another_one_does():
    results = (("192.0.2.1", Knock.SILENT), ("192.0.2.2", Knock.OPEN))
    verdict = network.port(Knocked(Side.REST, NODE, 8445, results))
    assert verdict.status is Status.WARNING
    assert "192.0.2.1" in first(verdict)


# --- TLS -----------------------------------------------------------------------------------------


def test_no_cipher_in_common_is_told_from_no_version():
    seen = Handshake(Side.REST, NODE, 8445, NODE, "ca.pem", 0.0, reason="NO_SHARED_CIPHER")
    assert "ciphers" in said(certificates.handshake(seen))


def test_a_chain_that_this_python_does_not_show_is_good_all_the_same():
    seen = Handshake(Side.REST, NODE, 8445, NODE, "ca.pem", 0.0, version="TLSv1.2")
    assert certificates.handshake(seen).status is Status.OK


def test_another_refusal_of_a_certificate_keeps_openssls_words():
    seen = Handshake(Side.REST, NODE, 8445, NODE, "x", 0.0, verify_code=23, verify_words="revoked")
    assert "revoked" in said(certificates.handshake(seen))


def test_the_command_for_an_ipv6_address_has_its_brackets():
    seen = Handshake(Side.REST, "2001:db8::1", 8445, NODE, "x", 0.0)
    assert "-connect [2001:db8::1]:8445 " in certificates.openssl(seen)


# --- SystemInfo and clocks -----------------------------------------------------------------------


def info(**more) -> InfoSeen:
    known = {"status": "IN_SERVICE", "xmpp_domain": NODE, "primary_node": NODE}
    return InfoSeen(f"https://{NODE}:8445", SystemInfo(**(known | more)))


@pytest.mark.parametrize(
    ("more", "hosts", "words"),
    [
        ({"secondary_node": "fin2.example.com"}, (NODE,), "fin2.example.com"),
        ({"primary_node": "other.example.org"}, (NODE,), "other.example.org"),
        (
            {"primary_node": "fin2.example.com", "secondary_node": NODE},
            (NODE, "fin2.example.com"),
            "put the primary first",
        ),
    ],
)
def test_nodes_that_differ_from_the_settings_are_a_warning(more, hosts, words):
    verdict = systeminfo.service(info(**more), Configured(hosts))
    assert verdict.status is Status.WARNING
    assert words in said(verdict)


@pytest.mark.parametrize("host", [NODE, "FIN1", "192.0.2.1"])
def test_a_short_name_another_case_and_an_address_are_no_other_node(host):
    assert systeminfo.service(info(), Configured((host,))).status is Status.OK


def test_a_systeminfo_without_a_domain_cannot_work():
    assert systeminfo.service(info(xmpp_domain=None), Configured((NODE,))).status is Status.FAILED


def test_a_server_that_does_not_answer_systeminfo_is_told_from_another_server():
    silent = InfoSeen("u", wrong=Wrong.UNREACHABLE, detail="no answer")
    assert "Tomcat" in said(systeminfo.service(silent, Configured((NODE,))))


@pytest.mark.parametrize(
    ("stamp", "status"),
    [
        ("2026-01-01T00:00:00.000Z", Status.OK),
        ("2026-01-01T00:00:04.900Z", Status.OK),
        ("2026-01-01T00:00:06.500Z", Status.WARNING),
        ("2025-12-31T23:59:50.000Z", Status.WARNING),
        ("Thu, 01 Jan 2026 00:00:00 GMT", Status.OK),
        ("Thu, 01 Jan 2026 00:01:00 GMT", Status.WARNING),
        ("yesterday", Status.WARNING),
        (None, Status.WARNING),
    ],
)
def test_clocks_may_differ_by_five_seconds(stamp, status):
    now = 1_767_225_600.0
    assert systeminfo.clock(stamp, now, now + 0.1).status is status


def test_a_slow_answer_does_not_count_as_a_difference():
    now = 1_767_225_600.0
    assert systeminfo.clock("2026-01-01T00:00:09.000Z", now, now + 10).status is Status.OK


# --- accounts ------------------------------------------------------------------------------------


def user(status: int, *errors: str, **more) -> UserSeen:
    return UserSeen(Answered(status, errors, found=status == 200, detail=f"HTTP {status}"), **more)


def test_credentials_of_somebody_else_are_told_from_a_wrong_password():
    seen = user(401, "Invalid Authorization User Specified")
    assert "somebody else" in first(logins.account("1001", seen, None, sso=False))


def test_a_token_that_is_refused_is_told_from_a_password():
    assert "Cisco IdS" in first(logins.account("1001", user(401), None, sso=True))


def test_a_proxy_that_forbids_is_told():
    assert "proxy" in first(logins.account("1001", user(403), None, sso=False))


@pytest.mark.parametrize(
    ("status", "words"), [(None, "hangs"), (302, "single sign-on"), (500, "CTI server")]
)
def test_an_answer_that_says_nothing_of_the_account_is_no_wrong_password(status, words):
    seen = UserSeen(Answered(status, detail="answered"))
    verdict = logins.account("1001", seen, None, sso=False)
    assert verdict.status is Status.FAILED
    assert words in said(verdict)
    assert "lock" not in said(verdict)


def test_a_password_that_sasl_cannot_carry_is_told():
    detail = "the password holds a character that SASL forbids"
    seen = Visited("a", wrong=Wrong.CREDENTIALS, detail=detail)
    assert "was not sent" in said(logins.session("1001", seen, vouched=True))


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("agents (1001).password_file: /x: Permission denied", "chown"),
        ("finesse.ca_file: /x: no such file", "make the file"),
        ("finesse.nodez: no such setting", "listener.example.toml"),
    ],
)
def test_each_problem_of_the_settings_has_its_way_out(problem, words):
    verdict = machine.configuration("listener.toml", (problem,), ())
    assert verdict.status is Status.FAILED
    assert words in said(verdict)


def test_folders_that_systemd_gives_are_no_fault_of_the_settings():
    warning = "journal.path: left out, and STATE_DIRECTORY is not set: a restart forgets"
    verdict = machine.configuration("listener.toml", (), (warning,))
    assert verdict.status is Status.WARNING
    assert "StateDirectory=" in said(verdict)


def test_who_is_neither_agent_nor_supervisor_is_a_warning():
    seen = user(200, state="LOGOUT", roles=("Administrator",))
    assert logins.account("1001", seen, None, sso=False).status is Status.WARNING


@pytest.mark.parametrize("role", ["Agent", "SUPERVISOR"])
def test_agents_and_supervisors_are_both_all_right(role):
    seen = user(200, state="READY", roles=(role,))
    assert logins.account("1001", seen, None, sso=False).status is Status.OK


@pytest.mark.parametrize(("state", "signed_in"), [("LOGOUT", False), ("READY", True), (None, None)])
def test_who_is_signed_in_is_told_by_the_state(state, signed_in):
    assert user(200, state=state).signed_in is signed_in


def test_a_resource_that_the_server_changed_is_told():
    seen = Visited("1001@x/asked", "1001@x/given")
    assert "asked for" in logins.session("1001", seen, vouched=True).saw


def test_dialogs_that_are_away_with_cti_are_told_from_a_lack_of_rights():
    assert "CTI server" in said(logins.dialogs("1001", Answered(503), 0))


# --- hearing -------------------------------------------------------------------------------------


def test_a_slow_ping_is_a_warning():
    assert hearing.ping(Visited("a", ping=2.5)).status is Status.WARNING


def test_automatic_subscriptions_are_not_needed_where_sessions_subscribe_themselves():
    seen = Visited("a", subscriptions=())
    verdict = hearing.subscriptions("1001", seen, signed_in=True, by_itself=True, daemon=False)
    assert verdict.status is Status.OK


@pytest.mark.parametrize(("daemon", "status"), [(True, Status.OK), (False, Status.WARNING)])
def test_subscriptions_of_a_listener_are_stale_only_where_no_daemon_runs(daemon, status):
    nodes = ("/finesse/api/User/1001", "/finesse/api/User/1001/Dialogs", "/finesse/api/SystemInfo")
    found = [Subscription(node, "1001@x", "subscribed") for node in nodes]
    found.append(Subscription("/finesse/api/Team/5/Users", "1001@x/listener-a-1001", "subscribed"))
    seen = Visited("a", subscriptions=tuple(found))
    verdict = hearing.subscriptions("1001", seen, signed_in=True, by_itself=False, daemon=daemon)
    assert verdict.status is status


def test_many_subscriptions_of_others_are_counted_and_not_all_named():
    found = tuple(Subscription("/x", f"1001@x/desk-{n:02}", "subscribed") for n in range(40))
    seen = Visited("a", subscriptions=found)
    verdict = hearing.subscriptions("1001", seen, signed_in=False, by_itself=True, daemon=False)
    assert "40 of others" in verdict.saw
    assert "and 32 more" in verdict.saw


@pytest.mark.parametrize("why", sorted(hearing.NO_PRESENCE))
def test_why_no_presence_is_sent_is_said(why):
    verdict = hearing.presence(Visited("a"), why)
    assert verdict.status is Status.SKIPPED
    assert verdict.saw == hearing.NO_PRESENCE[why]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (429, "limits how often"),
        (403, "only certain addresses"),
        (302, "single sign-on"),
    ],
)
def test_what_stands_before_finesse_is_told_by_its_answer(status, words):
    detail = f"https://{NODE}:8445 answered {status} (with a body of its own): not SystemInfo"
    seen = InfoSeen(f"https://{NODE}:8445", wrong=Wrong.NOT_FINESSE, detail=detail)
    verdict = systeminfo.service(seen, Configured((NODE,)))
    assert words in first(verdict)
    assert "another server" not in said(verdict) or status == 302


def test_a_status_that_nobody_describes_is_not_explained():
    seen = InfoSeen("u", SystemInfo(status="MAINTENANCE"))
    verdict = systeminfo.service(seen, Configured((NODE,)))
    assert "none that Cisco describes" in first(verdict)
    assert "CTI" not in said(verdict)


@pytest.mark.parametrize(("port", "words"), [(8445, "finesse.xmpp_port"), (5223, "starting")])
def test_a_silent_stream_at_another_port_than_finesses_is_first_the_ports_fault(port, words):
    seen = Greeted(f"{NODE}:{port}", "d", "tls", (), Wrong.UNREACHABLE, "fell silent")
    assert words in first(systeminfo.stream(seen))


@pytest.mark.parametrize(
    ("port", "words"), [(5223, "finesse.rest_port"), (8445, "web application")]
)
def test_silence_at_another_port_than_that_of_rest_is_first_the_ports_fault(port, words):
    url = f"https://{NODE}:{port}"
    seen = InfoSeen(url, wrong=Wrong.UNREACHABLE, detail="no answer")
    assert words in first(systeminfo.service(seen, Configured((NODE,))))


# --- this machine --------------------------------------------------------------------------------


def test_a_disk_with_less_room_than_the_journal_may_take_is_a_warning():
    seen = PlaceSeen("j", free=10 * 1024 * 1024)
    assert machine.journal(seen, 1024).status is Status.WARNING
    assert machine.journal(seen, 5).status is Status.OK


def test_a_limit_of_files_that_is_too_low_is_a_warning():
    assert machine.files(64, "up to 700 files may be open").status is Status.WARNING


def test_a_port_that_this_user_may_not_use_is_told():
    seen = Held("the API", "127.0.0.1:80", Hold.FORBIDDEN, "Permission denied")
    assert "CAP_NET_BIND_SERVICE" in said(machine.held(seen))


def test_a_folder_that_is_missing_or_closed_is_told(tmp_path, monkeypatch):
    assert machine_probe.folder(tmp_path / "a" / "b" / "s").trouble is not None
    assert machine_probe.folder(tmp_path / "a" / "s").trouble is None  # the daemon makes that one
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "may not write" in str(machine_probe.folder(tmp_path / "s").trouble)
    assert machine.folder("the API", machine_probe.folder(tmp_path / "s")).status is Status.FAILED


def test_a_journal_of_another_user_is_told(tmp_path, monkeypatch):
    (tmp_path / "journal.sqlite").touch()
    monkeypatch.setattr("os.access", lambda *_: False)
    assert machine_probe.journal(tmp_path / "journal.sqlite").trouble is not None


def test_a_journal_that_a_daemon_with_other_settings_has_is_told():
    verdict = machine.journal(PlaceSeen("j", free=10**12), 1, taken=True)
    assert verdict.status is Status.FAILED
    assert "in use by another process" in said(verdict)


def test_a_journal_of_a_newer_version_is_told(tmp_path):
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as made:
        made.execute(f"PRAGMA application_id={APPLICATION}")
        made.execute("PRAGMA user_version=99")
        made.execute("CREATE TABLE a (b)")
    verdict = machine.journal(machine_probe.journal(path), 1)
    assert verdict.status is Status.FAILED
    assert "newer version" in said(verdict)


def test_a_transcript_may_be_begun_or_added_to_and_nothing_else_is_touched(tmp_path):
    text, old = tmp_path / "notes.txt", tmp_path / "old.jsonl"
    text.write_text("my notes\n", encoding="utf-8")
    old.write_bytes(SAMPLE.read_bytes())
    (tmp_path / "link").symlink_to(old)
    (tmp_path / "empty").touch()

    def troubled(path):
        seen = machine_probe.transcript(path)
        assert (machine.recording(seen).status is Status.FAILED) == (seen.trouble is not None)
        return seen.trouble is not None

    assert not any(map(troubled, (old, tmp_path / "new.jsonl", tmp_path / "empty")))
    refused = (text, tmp_path / "link", tmp_path, tmp_path / "a" / "b" / "new.jsonl")
    assert all(map(troubled, refused))
    assert text.read_text(encoding="utf-8") == "my notes\n"
    assert not (tmp_path / "new.jsonl").exists()


def test_a_socket_whose_daemon_has_died_is_free(tmp_path):
    assert machine_probe.unix_socket("x", tmp_path / "s").hold is Hold.FREE
    (tmp_path / "s").touch()
    assert machine_probe.unix_socket("x", tmp_path / "s").hold is Hold.FREE


def test_a_port_in_use_is_the_daemons_where_one_runs():
    assert machine_probe.tcp_port("x", "127.0.0.1:0", daemon=False).hold is Hold.FREE
    assert machine_probe.tcp_port("x", "192.0.2.1:80", daemon=False).hold is Hold.FORBIDDEN


@pytest.mark.parametrize(
    ("outcome", "events", "words"),
    [("confirmed", 1, ""), ("unconfirmed", 0, "published nothing"), ("failed", 0, "NOT_READY")],
)
def test_a_notification_counts_only_when_it_was_heard(outcome, events, words):
    verdict = machine.notification(Heard("asked", outcome, events=events))
    assert (verdict.status is Status.OK) == bool(events)
    assert words in said(verdict)


# --- reports -------------------------------------------------------------------------------------


def one(name: str, status: Status, family: Family = Family.NAMES, **more) -> Step:
    causes = (Cause("because", f"mend {name}"),) if status is not Status.OK else ()
    return Step(name, family, "did", Verdict(status, "saw", causes), **more)


def test_the_exit_code_is_that_of_the_first_failure():
    steps = [
        one("a", Status.WARNING),
        one("b", Status.FAILED, Family.TLS, node=NODE),
        one("c", Status.FAILED, Family.LOGIN),
    ]
    report = Report(steps)
    assert report.exit_code == 76
    assert report.next == "mend b"
    assert f"first b ({NODE})" in report.words()


def test_warnings_do_not_fail_and_name_the_next_thing_to_do():
    report = Report([one("a", Status.OK), one("b", Status.WARNING)])
    assert (report.exit_code, report.status, report.next) == (0, Status.WARNING, "mend b")


def test_each_family_has_its_own_code_and_stands_in_the_help():
    codes = {int(line.split()[0]) for line in check_words.CODES}
    assert codes == {0, *map(int, Family)}


def test_a_report_for_machines_has_causes_and_remedies_in_pairs():
    told = Report([one("a", Status.FAILED, agent="1001", duration=0.5)]).to_json()
    assert told["steps"] == [
        {
            "id": "a",
            "node": None,
            "agent": "1001",
            "status": "failed",
            "did": "did",
            "saw": "saw",
            "causes": ["because"],
            "remedies": ["mend a"],
            "duration_ms": 500.0,
        }
    ]
    assert (told["exitCode"], told["firstFailure"], told["next"]) == (68, "a", "mend a")


@pytest.mark.parametrize("status", list(Status))
def test_a_step_says_its_status_in_a_word_and_not_by_colour_alone(status):
    (line, _), *_ = check_words.of_step(one("a", status), None)
    assert status.value in line.lower()


def test_lines_fit_into_sixty_columns_and_commands_stay_whole():
    command = "`openssl s_client -connect fin1.example.com:8445 -servername fin1.example.com`"
    cause = Cause("a cause of many words " * 4, f"look at {command} and mend it")
    step = Step("tls.rest", Family.TLS, "did", Verdict(Status.FAILED, "saw " * 40, (cause,)))
    lines = [line for line, _ in check_words.of_step(step, 60)]
    assert all(len(line) <= 60 for line in lines if "`" not in line)
    assert any(command in line for line in lines)


def test_without_a_width_each_step_is_one_line():
    step = Step("a", Family.TLS, "did", Verdict(Status.OK, "saw " * 100))
    assert len(list(check_words.of_step(step, None))) == 1


def test_no_control_character_reaches_the_terminal():
    step = Step("a", Family.TLS, "did", Verdict(Status.OK, "saw \x1b[31mred\n"))
    assert all(line.isprintable() for line, _ in check_words.of_step(step, None))


# --- the walk ------------------------------------------------------------------------------------


def a_step(id_: str, verdict: Verdict) -> Step:
    return Step(id_, Family.SESSION, "look", verdict)


def test_what_was_not_looked_at_is_named_where_all_else_is_well():
    report = Report([a_step("ping", good("fine")), a_step("finesse", skipped("signed in"))])
    assert report.words() == (
        "all that was looked at is well; 1 step done, 1 skipped, not looked at: finesse"
    )


async def test_a_walk_that_is_broken_off_names_the_step_under_way_in_every_part():
    told: list[str] = []
    notes = Notes(lambda step: told.append(f"{step.id} {step.status}"))
    part = notes.part()
    never = asyncio.get_running_loop().create_future()

    async def walk(to: Notes, name: str) -> None:
        await to.look(
            What(f"{name}.1", Family.SESSION, "look"), asyncio.sleep(0), lambda _: good("")
        )
        await to.look(
            What(f"{name}.2", Family.SESSION, "wait", agent="1001"), never, lambda _: good("")
        )

    tasks = [asyncio.create_task(walk(notes, "a")), asyncio.create_task(walk(part, "b"))]
    for _ in range(5):
        await asyncio.sleep(0)
    assert notes.break_off("time was over") == ["b.2 of 1001", "a.2 of 1001"]
    never.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert told == ["a.1 ok", "b.1 ok", "b.2 skipped", "a.2 skipped"]
