"""Ctrl-C while modules load ends the process with one line and code 130."""

import signal
import subprocess
import sys

from listener.cli.loading import loading

INTERRUPTED_IMPORT = """
import os, signal
from listener.cli.loading import loading
with loading():
    os.kill(os.getpid(), signal.SIGINT)
    print("went on")
"""


def test_interrupt_inside_the_block_ends_the_process_with_130_and_one_line():
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "listener: interrupted\n")


def test_the_usual_handler_is_back_after_the_block():
    with loading():
        inside = signal.getsignal(signal.SIGINT)

    assert inside is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_host_program_is_left_alone():
    def mine(_number, _frame):
        return None

    before = signal.signal(signal.SIGINT, mine)
    try:
        with loading():
            assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, before)
