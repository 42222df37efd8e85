"""The command line: data on standard output, words and logs on standard error, stable exit codes.

This door knows how the program ends; the commands are imported behind it, so that Ctrl-C is quiet
even while they load.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import traceback
from typing import NoReturn

from listener import redaction
from listener.cli.exits import Exit, code_for
from listener.cli.loading import loading
from listener.errors import ListenerError

_DAEMONS = (["run"], ["successor"])


def main() -> NoReturn:
    """Run the program with the process's arguments and end with one of `Exit`."""
    if sys.argv[1:2] in _DAEMONS:
        # A reload that is asked for while the daemon loads would end it. It waits in the kernel
        # until `daemon` takes signals.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    sys.exit(_guarded())


def _guarded() -> int:
    try:
        return _status(_run())
    except KeyboardInterrupt:
        return _status(Exit.INTERRUPTED)
    except ListenerError as error:
        _say(f"listener: {error}")
        return code_for(error)
    except OSError as error:
        return _of_system(error)
    except Exception:  # noqa: BLE001  the last line of defence: a fault, told without secrets
        return _fault()


def _of_system(error: OSError) -> int:
    from listener.cli import console  # noqa: PLC0415  rich loads with it

    told = console.output_failed()
    if told is None or told.errno != error.errno:
        return _fault()
    _say(f"listener: {console.unwritable(told)}")  # help and version are printed by typer
    return Exit.STREAM


def _fault() -> int:
    _say(redaction.text(traceback.format_exc()))
    _say("listener: a fault in this program, not in its use; the trace above shows where")
    return Exit.FAULT


def _run() -> int:
    with loading():  # here, not above: typer takes a moment to load, and Ctrl-C may come in it
        from listener.cli.app import app  # noqa: PLC0415

    try:
        app(prog_name="listener")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else Exit.OK
    return Exit.OK


def _status(code: int) -> int:
    if code == Exit.INTERRUPTED:
        _say("listener: interrupted")
    return code


def _say(words: str) -> None:
    if sys.stderr is None:
        return  # `print` would take standard output instead
    with contextlib.suppress(OSError):  # the exit code still tells
        print(words, file=sys.stderr)  # noqa: T201  the terminal is this module's business
