"""`python dying.py WHEN WORD -m listener ...`: the program, killed at a word of a hand-over (-9).

WHEN is "before" or "after"; WORD is what it says to the other process. For tests alone.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
from typing import Any

from listener.handover.channel import Channel


def word_of(message: Any) -> Any:
    """Return which word is said."""
    return json.loads(message[4:])["say"] if isinstance(message, bytes) else message.get("say")


def main() -> None:
    """Prepare the death, and run the program."""
    when, word = sys.argv[1:3]
    rest = [each for each in sys.argv[3:] if each != "-P"]
    assert rest[:2] == ["-m", "listener"]
    say, say_now = Channel.say, Channel.say_now

    def die_if(said: Any, now: str) -> None:
        if (when, word) == (now, word_of(said)):
            os.kill(os.getpid(), signal.SIGKILL)

    async def saying(self: Channel, message: Any, within: float = 10.0) -> None:
        die_if(message, "before")
        await say(self, message, within)
        die_if(message, "after")

    def saying_now(self: Channel, message: Any) -> None:
        die_if(message, "before")
        say_now(self, message)
        die_if(message, "after")

    Channel.say = saying  # type: ignore[method-assign]
    Channel.say_now = saying_now  # type: ignore[method-assign]
    sys.argv = ["listener", *rest[2:]]
    runpy.run_module("listener", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
