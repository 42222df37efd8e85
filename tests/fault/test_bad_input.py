"""What people get wrong, tried with the real command: one clear line, the right exit code."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl

import pytest

from listener.assembly import Listener
from listener.finesse.actions import Hold
from listener.simulator.certificates import ThrowawayAuthority
from listener.simulator.faults import Fault
from listener.simulator.xmpp_server import NotificationService
from tests.shell import program
from tests.shell.rest_server import http, listening, serving
from tests.shell.stage import (
    PACES,
    PASSWORD,
    A,
    answered_call,
    authority,
    dead_port,
    node_of,
    settings,
    simulated,
    until,
    writes,
)

HOLD = ("--agent", A, "--dialog", "100", "HOLD")


def told_in_one_line(end: program.Ended, code: int, *words: str) -> None:
    assert end.code == code, end.err
    assert "Traceback" not in end.err
    assert "Warning" not in end.err
    assert end.out == ""
    assert len(end.words) == 1, end.err
    for word in ("listener: ", *words):
        assert word in end.words[0]


async def test_settings_without_agents(tmp_path):
    file = program.config(tmp_path, node={"host": "127.0.0.1"}, ca=None, agents=())
    told_in_one_line(await program.listener("send", "--config", file, *HOLD), 78, "agents")


async def test_settings_that_are_a_folder(tmp_path):
    told_in_one_line(await program.listener("send", "--config", tmp_path, *HOLD), 78, "folder")


async def test_settings_that_are_not_there(tmp_path):
    end = await program.listener("run", "--config", tmp_path / "no.toml")
    told_in_one_line(end, 78, "no.toml")


@pytest.mark.parametrize("id_", ["a@b", "a b", "a/b"])
async def test_agent_id_that_no_session_can_have(tmp_path, id_):
    file = program.config(tmp_path, node={"host": "127.0.0.1"}, ca=None, agents=(id_,))
    end = await program.listener("run", "--config", file)
    assert (end.code, end.out) == (78, "")
    assert "an agent id cannot contain" in end.words[0]
    assert "Traceback" not in end.err


@pytest.mark.parametrize("command", ["send", "run"])
@pytest.mark.parametrize(("content", "word"), [(None, "no such file"), ("x", "no certificate")])
async def test_ca_file_that_is_missing_or_is_none(tmp_path, command, content, word):
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_text(content)
    file = program.config(tmp_path, node={"host": "127.0.0.1"}, ca=ca)
    rest = HOLD if command == "send" else ()
    told_in_one_line(await program.listener(command, "--config", file, *rest), 78, "ca.pem", word)


async def test_wrong_ca(tmp_path):
    wrong = ThrowawayAuthority().write(tmp_path / "ca.pem")
    async with simulated() as sim:
        file = program.config(tmp_path, node=node_of(sim), ca=wrong)
        end = await program.listener("send", "--config", file, *HOLD)
        told_in_one_line(end, 77, f"127.0.0.1:{sim.nodes[0].http.port} has no issuer", str(wrong))
    assert "download it as PEM" in end.words[0]


async def test_wrong_host_name(tmp_path):
    async with simulated() as sim:
        ca = sim.write_ca(tmp_path / "ca.pem")
        file = program.config(tmp_path, node=node_of(sim) | {"host": "127.1"}, ca=ca)
        end = await program.listener("send", "--config", file, *HOLD)
        told_in_one_line(end, 77, "certificate is not for 127.1", "names localhost")
        file = program.config(
            tmp_path, node=node_of(sim), ca=ca, finesse='certificate_name = "other.example.com"'
        )
        end = await program.listener("send", "--config", file, *HOLD)
        told_in_one_line(end, 77, "certificate is not for other.example.com", "localhost")


async def test_host_name_that_cannot_be_resolved(tmp_path):
    file = program.config(tmp_path, node={"host": "no.such.host.invalid"}, ca=None)
    end = await program.listener("send", "--config", file, *HOLD)
    told_in_one_line(end, 69, "cannot be resolved")


async def test_wrong_password_is_tried_once(tmp_path):
    async with simulated() as sim:
        ca = sim.write_ca(tmp_path / "ca.pem")
        file = program.config(tmp_path, node=node_of(sim), ca=ca, passwords={A: "secret-wrong"})
        end = await program.listener("send", "--config", file, *HOLD)
        told_in_one_line(end, 77, f"refused the login of {A}")
        assert sim.notifications.auth_attempts[A] == 1
        assert end.err.splitlines() == end.words  # and no line of a log
        assert "secret-wrong" not in end.err


@pytest.mark.parametrize("port", ["rest_port", "xmpp_port"])
async def test_closed_port(tmp_path, port):
    async with simulated() as sim:
        ca = sim.write_ca(tmp_path / "ca.pem")
        closed = dead_port()
        file = program.config(tmp_path, node=node_of(sim) | {port: closed}, ca=ca)
        end = await program.listener("send", "--config", file, *HOLD)
    told_in_one_line(end, 69, str(closed))


async def test_plain_port_where_tls_is_meant(tmp_path):
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(http(400))
        await writer.drain()

    async with simulated() as sim, listening(plain) as port:
        ca = sim.write_ca(tmp_path / "ca.pem")
        file = program.config(tmp_path, node=node_of(sim) | {"rest_port": port}, ca=ca)
        end = await program.listener("send", "--config", file, *HOLD)
        told_in_one_line(end, 69, "does not speak TLS")
        house = NotificationService("localhost", lambda *_: True)
        await house.start(tls_port=None, plain_port=0)
        try:
            node = node_of(sim) | {"xmpp_port": house.plain_port}
            end = await program.listener(
                "send", "--config", program.config(tmp_path, node=node, ca=ca), *HOLD
            )
        finally:
            await house.stop(grace=0)
        told_in_one_line(end, 69, "does not speak TLS")
        assert not house.auth_attempts


async def test_tls_port_where_plain_is_meant(tmp_path):
    async with simulated() as sim:
        node = node_of(sim) | {"scheme": "http"}
        file = program.config(tmp_path, node=node, ca=None, finesse='security = "plain"')
        end = await program.listener("send", "--config", file, *HOLD)
        told_in_one_line(end, 69, "https://")
        async with serving(*[http(200, sim.finesse.system_info().encode())] * 20) as plain:
            node |= {"rest_port": plain.port}
            file = program.config(tmp_path, node=node, ca=None, finesse='security = "plain"')
            end = await program.listener("send", "--config", file, *HOLD)
        told_in_one_line(end, 69, str(sim.xmpp_port))
        assert not sim.notifications.auth_attempts


async def test_node_that_is_not_finesse(tmp_path):
    tls: ssl.SSLContext = authority().server_context("localhost", "127.0.0.1")
    page = http(200, b"<!DOCTYPE html><html><body>Welcome</body></html>")
    async with serving(*[page] * 20, tls=tls) as other:
        ca = authority().write(tmp_path / "ca.pem")
        node = {"host": "127.0.0.1", "rest_port": other.port, "xmpp_port": dead_port()}
        end = await program.listener(
            "send", "--config", program.config(tmp_path, node=node, ca=ca), *HOLD
        )
    told_in_one_line(end, 69, "not Finesse")


async def test_finesse_out_of_service(tmp_path):
    async with simulated() as sim:
        sim.finesse.set_status("OUT_OF_SERVICE")
        ca = sim.write_ca(tmp_path / "ca.pem")
        file = program.config(tmp_path, node=node_of(sim), ca=ca)
        end = await program.listener("send", "--config", file, *HOLD)
    told_in_one_line(end, 69, "OUT_OF_SERVICE")


async def test_dialog_that_does_not_exist_is_rejected(tmp_path):
    async with simulated() as sim:
        ca = sim.write_ca(tmp_path / "ca.pem")
        file = program.config(tmp_path, node=node_of(sim), ca=ca)
        end = await program.listener("send", "--config", file, "--json", *HOLD)
        assert (end.code, end.words) == (3, [])
        told = json.loads(end.out)
        assert (told["kind"], told["sent"]) == ("rejected", True)
        assert writes(sim) == 1
        assert sim.notifications.sessions() == []


PYTHONS_OWN = ("Fatal Python error: init_import_site", "Could not import runpy module")


@pytest.mark.parametrize("after", [0.05, 0.3, 0.8, 1.5])
async def test_interrupt_at_any_time_is_quiet(tmp_path, after):
    async with simulated() as sim:
        ca = sim.write_ca(tmp_path / "ca.pem")
        sim.notifications.freeze()
        file = program.config(tmp_path, node=node_of(sim), ca=ca)
        end = await program.listener("send", "--config", file, *HOLD, interrupt_after=after)
        sim.notifications.thaw()
    # Before our first line runs, and while it imports, Python tells of it in its own way.
    if not any(words in end.err for words in PYTHONS_OWN):
        assert end.code in {130, -signal.SIGINT}, end.err
    if end.words and end.words[0].startswith("listener:"):
        assert end.words in (
            ["listener: interrupted"],
            ["listener: interrupted; nothing was sent"],
        )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_signal_before_anything_was_sent_says_so(tmp_path, number):
    async with simulated() as sim:
        ca = sim.write_ca(tmp_path / "ca.pem")
        sim.notifications.freeze()
        file = program.config(tmp_path, node=node_of(sim), ca=ca)
        async with program.started("send", "--config", file, "--json", *HOLD) as process:
            await until(lambda: sim.notifications.sessions() or sim.http.requests)
            process.send_signal(number)
            end = await program.ended(process)
        sim.notifications.thaw()
    told = json.loads(end.out)
    assert (end.code, end.words) == (130, ["listener: interrupted; nothing was sent"])
    assert (told["kind"], told["reason"], told["sent"]) == ("rejected", "cancelled", False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_interrupt_while_an_outcome_is_awaited(tmp_path, number):
    async with simulated() as sim:
        dialog = await answered_call(sim, None)
        sim.finesse.faults.add(Fault.SILENT, action="HOLD")
        ca = sim.write_ca(tmp_path / "ca.pem")
        file = program.config(tmp_path, node=node_of(sim), ca=ca)
        sent = ("send", "--config", file, "--agent", A, "--dialog", dialog, "HOLD")
        async with program.started(*sent, "--json") as process:
            await until(lambda: writes(sim) == 1)
            process.send_signal(number)
            end = await program.ended(process)
        told = json.loads(end.out)
        assert (told["kind"], told["reason"]) == ("abandoned", "caller")
        # The signal may be quicker than the 202: then it is not known whether all of it left.
        sent = {True: "the request was sent", None: "whether the request was sent is not known"}
        words = f"listener: interrupted; {sent[told['sent']]}; it may have happened"
        assert (end.code, end.words) == (130, [words])
        await until(lambda: not sim.notifications.sessions())


async def test_notification_from_a_stranger_is_refused(tmp_path):
    async with simulated() as sim, Listener.open(settings(sim, tmp_path), paces=PACES) as listener:
        dialog = await answered_call(sim, listener)
        sim.finesse.faults.add(Fault.SILENT, action="HOLD")
        ticket = listener.start(Hold(agent=A, dialog_id=dialog), deadline=4)
        await until(lambda: ticket.record.answered is not None)
        failed = (
            "&lt;Update&gt;&lt;data&gt;&lt;apiErrors&gt;&lt;apiError&gt;&lt;errorType&gt;x"
            "&lt;/errorType&gt;&lt;/apiError&gt;&lt;/apiErrors&gt;&lt;/data&gt;&lt;event&gt;PUT"
            f"&lt;/event&gt;&lt;requestId&gt;{ticket.request_id}&lt;/requestId&gt;&lt;/Update&gt;"
        )
        sim.notifications.push_raw(
            A,
            f"<message from='mallory@localhost/x' to='{A}@localhost'><event"
            " xmlns='http://jabber.org/protocol/pubsub#event'>"
            f"<items node='/finesse/api/User/{A}/Dialogs'><item id='1'>"
            f"<notification xmlns='http://jabber.org/protocol/pubsub'>{failed}</notification>"
            "</item></items></event></message>",
        )
        outcome = await ticket.outcome()
        assert outcome.kind == "confirmed"
        assert outcome.evidence == "snapshot"
        assert listener.agents[A].live


async def test_payload_of_300_megabytes_ends_the_session_and_not_the_program(tmp_path):
    async with simulated() as sim, Listener.open(settings(sim, tmp_path), paces=PACES) as listener:
        since = listener.agents[A].since
        sim.notifications.push_raw(A, "<message from='pubsub.localhost'><body>")
        piece, sent = "x" * 1_048_576, 0
        while sent < 300 and sim.notifications.push_raw(A, piece):
            sent += 1
            await asyncio.sleep(0)
        await until(lambda: listener.agents[A].live and listener.agents[A].since > since)
        dialog = await answered_call(sim, listener)
        assert (await listener.submit(Hold(agent=A, dialog_id=dialog))).kind == "confirmed"
        assert PASSWORD[A] not in repr(listener)
