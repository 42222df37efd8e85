"""Settings files and token files: mutated, and with secrets in the wrong places."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from listener.errors import ConfigurationError
from listener.settings import Settings, load
from listener.settings.difference import changes
from listener.web.tokens import Tokens
from tests.fuzz import corpus
from tests.fuzz.corpus import SECRET
from tests.fuzz.mutate import Mutator
from tests.fuzz.target import Case, Target, hold

_ENVIRON = {"SECRET_OF_1001": SECRET, "HOME": "/nonexistent"}
_AS_A_SECRET = re.compile(rb"\b(password|password_env|token)\s*=\s*\"" + SECRET.encode())
_SETTINGS, _TOKENS = b"settings", b"tokens"


class ConfigTarget(Target):
    """A case is which file it is, and what stands in it."""

    name = "config"
    fresh_after = 5000
    tokens = tuple(token.encode("utf-8", "surrogatepass") for token in (
        *("[finesse]\n", "nodes = ", "[[agents]]\n", 'id = "1001"\n', "[agents]\n", "[api]\n", "="),
        *("[logs]\n", "[requests]\n", "[timings]\n", "[journal]\n", "[dropin]\n", "[defaults]\n"),
        *("[[tokens]]\n", "scopes = ", '["read"]\n', '["admin", 1]\n', "token = ", "name = ", "\n"),
        *("true\n", "-1\n", "1e400\n", "nan\n", "inf\n", "9" * 5000, "1979-05-27T07:32:00Z", '""'),
        *('"a.example.com"\n', "[1, [2, [3]]]\n", "{a=1}\n", "'''", '"""', "\\u0000", "[" * 60),
        *("a.b.c.d = 1\n", '"\\ud800"\n', "\0", "\ufeff", "\ud800", "#", "password = ", ","),
        *(f'password = "{SECRET}"\n', f'"{SECRET}"\n', "deadline = ", "level = ", "listen = ", "é"),
    ))  # fmt: skip

    async def start(self) -> None:
        """Make a folder with the files that a settings file may name."""
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "listener.toml"
        (self._file.parent / "password").write_text("a-password")
        (self._file.parent / "password").chmod(0o600)

    async def stop(self) -> None:
        """Remove it."""
        self._folder.cleanup()

    def mutated(self, mutator: Mutator) -> Case:
        """Change a file's bytes."""
        if mutator.chance.random() < 0.25:
            return (_TOKENS, mutator.octets(corpus.TOKENS.encode(), corpus.SETTINGS.encode()))
        file = mutator.chance.choice((corpus.settings()[0], *corpus.settings()))
        return (_SETTINGS, mutator.octets(file, corpus.TOKENS.encode()))

    def made(self, pieces: list[bytes]) -> Case:
        """Take the pieces as a file."""
        return (_TOKENS if len(pieces) % 4 == 0 else _SETTINGS, b"".join(pieces))

    async def check(self, case: Case) -> None:
        """Load it: settings, or one clear error that tells no secret and names the file."""
        kind, content = case
        self._file.write_bytes(content)
        self._file.chmod(0o600)
        try:
            if kind == _TOKENS:
                hold(isinstance(Tokens.load(self._file), Tokens), "tokens are Tokens")
                return
            settings = load(self._file, _ENVIRON)
        except ConfigurationError as refused:
            told = str(refused)
            hold(str(self._file) in told, "an error names the file")
            hold(SECRET not in told or _elsewhere(content), "an error tells no secret")
            hold("\0" not in told, "an error can be printed")
            told.encode()
            return
        hold(isinstance(settings, Settings), "settings are Settings")
        hold(SECRET not in repr(settings), "settings show no secret")
        changes(settings, settings)


def _elsewhere(content: bytes) -> bool:
    """Say whether the secret stands where a path, a host or a name belongs, too: those are told."""
    return SECRET.encode() in _AS_A_SECRET.sub(b"", content)
