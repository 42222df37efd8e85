"""What is told of a wrong settings file: plain words, each mistake once, all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from listener.errors import ConfigurationError
from listener.settings import Connect, load
from listener.settings.words import did_you_mean

ENVIRON = {"LISTENER_PASSWORD_1001": "x", "LISTENER_PASSWORD_1002": "x"}
AGENT = '[[agents]]\nid = "1001"\n'


def told(tmp_path: Path, text: str, **environ: str) -> list[str]:
    path = tmp_path / "l.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        load(path, ENVIRON | environ)
    return [line.removeprefix(f"{path}: ") for line in str(raised.value).splitlines()]


def finesse(line: str, more: str = "") -> str:
    return f'[finesse]\nnodes = ["a"]\n{line}\n{more}{AGENT}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (finesse("", '[api]\nlisten = "127.0.0.1"\n'), "api.listen: write host:port"),
        (finesse("", '[api]\nallowed_hosts = ["a/b"]\n'), "write a host name or an address"),
        (finesse("", '[api]\nallowed_origins = ["a"]\n'), "write an origin, such as https://"),
        (finesse('certificate_name = "https://a"'), "write a host name or an address"),
        (finesse("", "[requests]\ndeadlines = { hold = 3 }\n"), "an action in capital letters"),
        (finesse("") + 'extension = "x"\n', "write the number of a phone"),
        (finesse("") + 'subscriptions = ["x"]\n', "(number 1): write a node, such as /finesse/"),
        (finesse('rest_port = "x"'), "finesse.rest_port: must be a whole number"),
        (finesse("", "[logs]\nwire = 5\n"), "logs.wire: must be true or false"),
        (finesse("", "[timings]\ndrain = 'x'\n"), "timings.drain: must be a number"),
        ('[finesse]\nnodes = ["a"]\n[[agents]]\nid = ""\n', "agents (number 1).id: must not be"),
        ('[finesse]\nnodes = ["a"]\n[[agents]]\n', "agents (number 1).id: is missing"),
        (finesse("") + 'password_file = ""\n', "agents (1001).password_file: names no file"),
    ],
)
def test_a_mistake_is_told_in_plain_words(tmp_path: Path, text: str, words: str):
    said = told(tmp_path, text)
    assert len(said) == 1
    assert words in said[0]
    assert "pattern" not in said[0]


def test_a_table_that_is_none_is_told_as_such(tmp_path: Path):
    assert told(tmp_path, finesse(""), LISTENER_LOGS="5") == [
        "logs (from LISTENER_LOGS): must be a table"
    ]


def test_nodes_that_are_there_are_not_called_missing(tmp_path: Path):
    assert told(tmp_path, '[finesse]\nnodes = "a"\n' + AGENT) == [
        "finesse.nodes: must be a list; write nodes = ['finesse.example.com']"
    ]
    said = told(tmp_path, '[finesse]\nnodes = [5, "ftp://a"]\n' + AGENT)
    assert [line.partition(":")[0] for line in said] == [
        "finesse.nodes (number 1)",
        "finesse.nodes (number 2)",
    ]


def test_a_mistake_in_defaults_is_told_once_however_many_agents_there_are(tmp_path: Path):
    more = '[defaults]\nconnect = "sometimes"\nsubscriptions = ["x"]\n'
    said = told(tmp_path, finesse("", more) + '[[agents]]\nid = "1002"\n')
    assert [line.partition(":")[0] for line in said] == [
        "defaults.connect",
        "defaults.subscriptions (number 1)",
    ]


def test_defaults_hold_for_agents_that_say_nothing_else(tmp_path: Path):
    path = tmp_path / "l.toml"
    more = '[defaults]\nconnect = "while_signed_in"\nsubscriptions = ["/finesse/api/Team/5"]\n'
    path.write_text(
        finesse("", more) + '[[agents]]\nid = "1002"\nconnect = "always"\nsubscriptions = []\n'
    )
    one, other = load(path, ENVIRON).agents
    assert (one.connect, one.subscriptions) == (Connect.WHILE_SIGNED_IN, ("/finesse/api/Team/5",))
    assert (other.connect, other.subscriptions) == (Connect.ALWAYS, ())


def test_paths_are_whole_however_the_file_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    more = '[api]\nsocket = "s"\n[journal]\npath = "j"\n[recording]\npath = "r"\n'
    (tmp_path / "ca.pem").write_text("-")
    (tmp_path / "l.toml").write_text(finesse('ca_file = "ca.pem"', more))
    monkeypatch.chdir(tmp_path.parent)
    for name in (tmp_path / "l.toml", Path(tmp_path.name, "l.toml")):
        settings = load(name, ENVIRON)
        assert settings.api.socket == tmp_path / "s"
        assert settings.journal.path == tmp_path / "j"
        assert settings.recording.path == tmp_path / "r"
        assert settings.finesse.ca_file == tmp_path / "ca.pem"


def test_what_several_sections_do_not_agree_on_is_not_laid_to_the_environment(tmp_path: Path):
    (tmp_path / "t").write_text("")
    listen = 'listen = "127.0.0.1:8470"\n'
    said = told(tmp_path, finesse("", f'[api]\n{listen}tokens_file = "t"\n[dropin]\n{listen}'))
    assert said == [
        "dropin.listen and api.listen are both on 127.0.0.1:8470; each needs its own port"
    ]


def test_a_variable_that_cannot_be_read_hides_no_other(tmp_path: Path):
    said = told(tmp_path, finesse(""), LISTENER_FINESSE__NODES="a", LISTENER_LOGS__LEVEL="LOUD")
    assert [line.partition(":")[0] for line in said] == [
        "LISTENER_FINESSE...",
        "logs.level (from LISTENER_LOGS__LEVEL)",
    ]


def test_a_key_that_may_not_stand_in_the_file_is_never_proposed(tmp_path: Path):
    assert (
        "did you mean password_env or password_file?"
        in told(tmp_path, finesse("") + 'pasword = "x"\n')[0]
    )
    assert did_you_mean("tokn", ["token", "id"]) == ""
