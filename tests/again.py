"""Tries once more, one at a time, what failed while several tests ran at a time on this machine.

For tests with servers, processes and real time alone (`REAL_TIME`), and for a handful of them: on a
machine with two shared cores a peer can be slower than any sensible limit. A test that fails twice
fails the run, as does any failure elsewhere. What passed only now is named, so that nobody takes it
for a first success. Knows nothing of what the tests do.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REAL_TIME = (
    "tests/browser/",
    "tests/chaos/",
    "tests/fault/",
    "tests/integration/",
    "tests/shell/",
    "tests/transcript/",
)
AT_MOST = 5
"""With more failures than this the machine is not the cause."""


def failed(cache: Path) -> list[str]:
    """Give the ids of the tests that failed in the run that wrote this pytest cache folder."""
    kept = cache / "v" / "cache" / "lastfailed"
    return sorted(json.loads(kept.read_text(encoding="utf-8"))) if kept.is_file() else []


def refusal(ids: Sequence[str]) -> str | None:
    """Why these are not tried once more, as a sentence; None if they are."""
    if not ids:
        return "the run failed, and no test did"
    if len(ids) > AT_MOST:
        return f"{len(ids)} tests failed, and at most {AT_MOST} are tried once more"
    others = [name for name in ids if not name.startswith(REAL_TIME)]
    if others:
        return f"these depend on no machine's speed: {', '.join(others)}"
    return None


def main(words: Sequence[str]) -> int:
    """`words`: the cache folder, then what pytest gets in front of the ids; gives the exit code."""
    cache, *options = words
    ids = failed(Path(cache))
    why = refusal(ids)
    if why is not None:
        print(f"== no second try: {why}", flush=True)  # noqa: T201  what a person reads
        return 1
    print(f"== second try, alone, of what failed among the others: {', '.join(ids)}", flush=True)  # noqa: T201
    done = subprocess.run([sys.executable, "-m", "pytest", *options, *ids], check=False)
    if done.returncode == 0:
        print(f"== passed at the second try only: {', '.join(ids)}", flush=True)  # noqa: T201
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
