"""A server that says before the login what belongs elsewhere: no password in the clear, and an end.

What a man in the middle would write behind the server's own words (STARTTLS injection) is here too.
"""

from __future__ import annotations

import asyncio
import gc

import pytest

from listener.errors import ListenerError, NotFinesse
from tests.shell.scripted_xmpp import (
    BIND,
    HEADER,
    PASSWORD,
    SASL,
    TLS,
    Authority,
    Stream,
    message,
    running,
    session_to,
)

PLAIN = f"<mechanisms xmlns='{SASL}'><mechanism>PLAIN</mechanism></mechanisms>"
OFFER = f"<stream:features>{PLAIN}</stream:features>"
BOUND = f"<iq type='result' id='1'><bind xmlns='{BIND}'><jid>1001@finesse.test/x</jid></bind></iq>"
WORDS = {
    "a login offered behind the word that begins TLS": f"<proceed xmlns='{TLS}'/>{OFFER}",
    "success behind it": f"<proceed xmlns='{TLS}'/><success xmlns='{SASL}'/>",
    "a stanza behind it": f"<proceed xmlns='{TLS}'/>{message('forged')}",
    "a login offered twice": OFFER + OFFER,
    "a login offered beside TLS": (
        f"<stream:features><starttls xmlns='{TLS}'/>{PLAIN}</stream:features>"
    ),
    "a challenge": f"<challenge xmlns='{SASL}'>AAAA</challenge>",
    "a failure": f"<failure xmlns='{SASL}'><not-authorized/></failure>",
    "TLS refused": f"<failure xmlns='{TLS}'/></stream:stream>",
    "a resource that was never asked for": BOUND,
    "a new stream": HEADER + OFFER,
    "features that lead nowhere": "<stream:features/>",
    "features of a session": f"<stream:features><bind xmlns='{BIND}'/></stream:features>",
    "success in place of TLS": f"<success xmlns='{SASL}'/>",
}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.mark.parametrize("words", WORDS)
async def test_no_password_is_sent_in_the_clear_whatever_is_said_in_place_of_tls(
    authority: Authority, words: str
):
    heard: list[str] = []
    clear: list[str] = []

    async def intercept(stream: Stream, text: str) -> bool:
        clear.append(text)
        if text.startswith("<starttls"):
            stream.send(WORDS[words])
            await stream.writer.drain()
            return True
        return False

    async with running(authority.server("localhost"), starttls=True) as server:
        server.intercept = intercept
        session = session_to(
            server, security="starttls", tls=authority.client(), heard=heard, connect=0.3
        )
        with pytest.raises(ListenerError) as ended:
            await session.open()
        assert server.connections == 1
    gc.collect()  # a transport that nobody closed is an error here
    assert server.auths == heard == []
    assert not any("<auth" in text for text in clear)
    assert PASSWORD not in "".join(clear) + str(ended.value)


@pytest.mark.parametrize("words", sorted(set(WORDS) - {"TLS refused", "a failure"}))
async def test_a_session_that_is_up_is_moved_by_no_word_of_a_login(words: str):
    """It is neither begun again nor ended, unless what comes is no XML behind what came."""
    heard: list[str] = []
    async with running() as server:
        session = session_to(server, heard=heard)
        await session.open()
        server.bound[0].send(WORDS[words].partition(HEADER)[2] or WORDS[words])
        assert await session.ping(20)
        assert len(server.auths) == server.connections == 1
        assert not any("<starttls" in text for text in server.bound[0].heard)
        await session.close(graceful=False)


@pytest.mark.parametrize("security", ["plain", "starttls"])
async def test_a_session_without_a_login_is_none(authority: Authority, security: str):
    """Somebody in between could offer it in the clear, and write whatever events he likes."""

    async def intercept(stream: Stream, text: str) -> bool:
        if text.startswith("<stream:stream"):
            stream.user = "1001"  # as if it were signed in already
        return False

    heard: list[str] = []
    async with running() as server:
        server.intercept = intercept
        session = session_to(server, security=security, tls=authority.client(), heard=heard)
        with pytest.raises(NotFinesse, match="without a login"):
            await session.open()
    assert server.auths == heard == []


async def test_what_comes_out_of_its_turn_ends_the_attempt_in_words_and_in_no_fault_of_the_loop():
    """Slixmpp raises inside the transport then."""
    faults = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.append(told))

    async def intercept(stream: Stream, text: str) -> bool:
        if text.startswith("<stream:stream"):
            stream.send(f"{HEADER}<success xmlns='{SASL}'/>")
            return True
        return False

    async with running() as server:
        server.intercept = intercept
        with pytest.raises(NotFinesse, match="cannot be said"):
            await session_to(server).open()
    assert faults == []
