"""What fuzzing (`python -m tests.fuzz`) has found, each by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from listener.errors import ConfigurationError, MalformedUpdate, Unreachable
from listener.finesse.wire import parse_update
from listener.rest import AnswerKind
from listener.rest.judge import MAX_NAMES
from listener.settings import load
from tests.shell.rest_server import api_errors, asking, http, put, serving

LEAST = '[finesse]\nnodes = ["finesse.example.com"]\n'


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('ca_file = "~nobody-of-that-name/ca.pem"', "finesse.ca_file: no home folder for ~"),
        (f'ca_file = "{"c" * 5000}"', "no such file"),
        ('ca_file = "ca\\u0000.pem"', "no such file"),
    ],
)
def test_a_ca_file_that_cannot_even_be_looked_for_is_a_problem_in_words(
    tmp_path: Path, more: str, words: str
):
    file = tmp_path / "listener.toml"
    file.write_text(f'{LEAST}{more}\n[[agents]]\nid = "1"\npassword_env = "P"\n')
    with pytest.raises(ConfigurationError, match=words):
        load(file, {"P": "secret"})


@pytest.mark.parametrize("key", ["password_file", "token_file"])
def test_a_secret_in_a_home_that_is_not_there_is_a_problem_of_its_agent(tmp_path: Path, key: str):
    file = tmp_path / "listener.toml"
    file.write_text(f'{LEAST}[[agents]]\nid = "1"\n{key} = "~nobody-of-that-name/secret"\n')
    with pytest.raises(ConfigurationError, match=rf"agents \(1\)\.{key}: no home folder for ~"):
        load(file, {})


def test_a_folder_of_secrets_in_a_home_that_is_not_there_is_one_problem(tmp_path: Path):
    file = tmp_path / "listener.toml"
    folder = 'password_dir = "~nobody-of-that-name/secrets"'
    file.write_text(f'{LEAST}[defaults]\n{folder}\n[[agents]]\nid = "1"\n[[agents]]\nid = "2"\n')
    with pytest.raises(ConfigurationError) as refused:
        load(file, {})
    told = str(refused.value).splitlines()
    assert len(told) == 1
    assert "defaults.password_dir: no home folder for ~" in told[0]


@pytest.mark.parametrize("password", ["hunter2", "Correct-Horse", "p\u00e4ss", "SECRET!"])
def test_a_password_in_the_place_of_its_variable_is_not_repeated(tmp_path: Path, password: str):
    file = tmp_path / "listener.toml"
    file.write_text(f'{LEAST}[[agents]]\nid = "1"\npassword_env = "{password}"\n')
    with pytest.raises(ConfigurationError, match="never the password itself") as refused:
        load(file, {})
    assert password not in str(refused.value)


def test_a_nul_in_a_path_is_a_problem_that_can_be_printed(tmp_path: Path):
    file = tmp_path / "listener.toml"
    agent = '[[agents]]\nid = "1"\npassword_file = "a\\u0000b"\n'
    file.write_text(f'{LEAST}{agent}[api]\nlisten = "127.0.0.1:8470"\ntokens_file = "c\\u0000d"\n')
    with pytest.raises(ConfigurationError) as refused:
        load(file, {})
    assert "agents (1).password_file: " in str(refused.value)
    assert "api.tokens_file: " in str(refused.value)
    assert "\0" not in str(refused.value)


@pytest.mark.parametrize("cookie", ["JSESSI\x80NID=1; Path=/finesse", "a=\xe4\xb6"])
async def test_a_cookie_that_is_not_ascii_does_not_hide_what_was_answered(cookie: str):
    answers = (http(202, b"", f"Set-Cookie: {cookie}", "Set-Cookie: good=1"), http(202))
    async with serving(*answers) as server, asking(server.url) as rest:
        assert (await put(rest)).kind is AnswerKind.ACCEPTED
        assert (await put(rest)).kind is AnswerKind.ACCEPTED
    assert server.seen[1].headers["cookie"] == "good=1"


@pytest.mark.parametrize(
    "payload",
    ["<Update><{0}></x></Update>", "<Update>&{0};</Update>", "<Update {0}='' {0}=''/>", "<{0}/>"],
)
def test_a_refused_payload_is_told_in_a_short_sentence_however_long_its_names_are(payload: str):
    with pytest.raises(MalformedUpdate) as refused:
        parse_update(payload.format("n" * 50_000))
    assert len(str(refused.value)) < 400


async def test_a_sentence_about_a_refusal_is_short_however_long_its_errors_are():
    answer = http(503, api_errors("x" * 5000))
    async with serving(*[answer] * 2) as server, asking(server.url) as rest:
        assert len((await put(rest)).detail) < MAX_NAMES + 100
        with pytest.raises(Unreachable) as refused:
            await rest.system_info()
    assert len(str(refused.value)) < MAX_NAMES + 200  # with the way out
