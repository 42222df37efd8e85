"""Ctrl-C ends a command at any moment, also just before its loop begins to wait."""

import signal
import subprocess
import sys

import pytest

from listener.cli.running import run

# To the thread that waits the signal is as one that came just before its wait: another thread takes
# it, and nothing interrupts the wait itself.
UNSEEN = """
import asyncio, os, signal, threading, time
from listener.cli.running import run

def press():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(20)

async def question():
    await asyncio.Event().wait()

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
threading.Thread(target=press, daemon=True).start()
try:
    RUN(question())
except KeyboardInterrupt:
    print("ended")
"""


@pytest.mark.parametrize(("way", "ended"), [("run", True), ("asyncio.run", False)])
def test_an_interrupt_that_falls_before_the_wait_ends_it(way, ended):
    process = subprocess.Popen(
        [sys.executable, "-c", UNSEEN.replace("RUN", way)], stdout=subprocess.PIPE, text=True
    )
    try:
        if ended:
            assert process.communicate(timeout=60)[0] == "ended\n"
        else:  # what it is there for
            with pytest.raises(subprocess.TimeoutExpired):
                process.communicate(timeout=2)
    finally:
        process.kill()
        process.communicate()


def test_what_it_ran_is_returned_and_signals_are_as_they_were():
    async def work():
        return 7

    before = signal.set_wakeup_fd(-1)
    try:
        assert run(work()) == 7
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.set_wakeup_fd(before)
