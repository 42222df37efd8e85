"""The sections for callers and for the journal: where things are, and what does not go together."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from listener.errors import ConfigurationError
from listener.settings import (
    Notifications,
    ReadyWhen,
    Settings,
    changes,
    client_socket,
    load,
)
from listener.settings.places import NO_API, NO_JOURNAL, NOBODY, SYSTEM_SOCKET
from listener.web.tokens import Tokens

SECRET = "hunter2-never-shown"
ENVIRON = {"LISTENER_PASSWORD_1001": SECRET, "LISTENER_PASSWORD_1002": SECRET}
QUIET = '[api]\nsocket = ""\n[journal]\npath = ""\n'
TLS = 'tls_certificate = "cert.pem"\ntls_key = "key.pem"\n'
LEAST = """
[finesse]
nodes = ["fin1.example.com"]
[[agents]]
id = "1001"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files that the settings below name."""
    for name in ("tokens.toml", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def loaded(folder: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    file = folder / "l.toml"
    file.write_text(LEAST + text, encoding="utf-8")
    return load(file, ENVIRON | (environ or {}))


def refused(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    """Return the lines that refuse the settings, without the file's name."""
    with pytest.raises(ConfigurationError) as raised:
        loaded(folder, text, environ)
    assert SECRET not in str(raised.value)
    return [line.removeprefix(f"{folder / 'l.toml'}: ") for line in str(raised.value).splitlines()]


# ---------------------------------------------------------------- where things are


def test_settings_made_by_hand_have_no_api_no_journal_and_no_dropin(monkeypatch):
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "STATE_DIRECTORY"):
        monkeypatch.setenv(name, "/")

    settings = Settings(finesse={"nodes": ["a"]}, agents=[{"id": "1", "password": "x"}])

    assert not settings.api.on
    assert not settings.dropin.on
    assert settings.journal.path is None
    assert settings.warnings == ()


def test_defaults(folder: Path):
    settings = loaded(folder, QUIET)

    assert (settings.api.max_connections, settings.api.max_event_readers) == (512, 2000)
    assert settings.api.ready_when is ReadyWhen.ANY
    assert settings.api.agent_labels is False
    assert settings.journal.notifications is Notifications.FULL
    assert settings.journal.keep_call_data is False
    assert settings.dropin.require_token is True
    assert settings.dropin.sessions_on_demand is True


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"RUNTIME_DIRECTORY": "/run/x"}, "/run/x/api.sock"),
        ({"RUNTIME_DIRECTORY": "/run/x:/run/y"}, "/run/x/api.sock"),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, "/run/user/7/finesse-listener/api.sock"),
        ({"RUNTIME_DIRECTORY": "/run/x", "XDG_RUNTIME_DIR": "/y"}, "/run/x/api.sock"),
    ],
)
def test_a_socket_that_is_left_out_is_where_the_environment_says(folder: Path, environ, place):
    settings = loaded(folder, '[journal]\npath = ""\n', environ)

    assert settings.api.socket == Path(place)
    assert settings.warnings == ()


@pytest.mark.parametrize("environ", [{}, {"RUNTIME_DIRECTORY": ""}, {"XDG_RUNTIME_DIR": "tmp"}])
def test_without_a_folder_for_it_there_is_no_api_and_a_warning(folder: Path, environ):
    settings = loaded(folder, '[journal]\npath = ""\n', environ)

    assert not settings.api.on
    assert settings.warnings == (NO_API,)


def test_an_api_over_tcp_alone_misses_no_socket(folder: Path):
    text = '[api]\nlisten = "127.0.0.1:0"\ntokens_file = "tokens.toml"\n[journal]\npath = ""\n'
    settings = loaded(folder, text)

    assert settings.api.on
    assert settings.api.socket is None
    assert settings.warnings == ()


def test_a_journal_that_is_left_out_is_in_the_state_directory(folder: Path):
    settings = loaded(folder, '[api]\nsocket = ""\n', {"STATE_DIRECTORY": str(folder)})

    assert settings.journal.path == folder / "journal.sqlite"
    assert settings.warnings == ()


def test_without_a_journal_there_is_a_warning_that_a_restart_forgets(folder: Path):
    settings = loaded(folder, '[api]\nsocket = ""\n')

    assert settings.journal.path is None
    assert settings.warnings == (NO_JOURNAL,)
    assert "forgets open requests" in NO_JOURNAL


def test_an_empty_text_switches_off_whatever_the_environment_says(folder: Path):
    environ = {"RUNTIME_DIRECTORY": "/run/x", "STATE_DIRECTORY": str(folder)}

    settings = loaded(folder, QUIET, environ)
    by_variable = loaded(
        folder, "", environ | {"LISTENER_API__SOCKET": "", "LISTENER_JOURNAL__PATH": ""}
    )

    for each in (settings, by_variable):
        assert not each.api.on
        assert each.journal.path is None
        assert each.warnings == ()


def test_relative_paths_start_at_the_folder_of_the_file_and_home_is_found(folder: Path):
    text = (
        '[api]\nsocket = "run/a.sock"\nlisten = "127.0.0.1:8450"\ntokens_file = "tokens.toml"\n'
        'tls_certificate = "cert.pem"\ntls_key = "key.pem"\n[journal]\npath = "j.sqlite"\n'
        '[dropin]\nsocket = "~/d.sock"\n'
    )
    settings = loaded(folder, text)

    assert settings.api.socket == folder / "run" / "a.sock"
    assert settings.api.tokens_file == folder / "tokens.toml"
    assert settings.api.tls_certificate == folder / "cert.pem"
    assert settings.api.tls_key == folder / "key.pem"
    assert settings.journal.path == folder / "j.sqlite"
    assert settings.dropin.socket == Path.home() / "d.sock"


def test_tokens_may_come_from_systemds_credentials(folder: Path):
    text = '[api]\nlisten = "127.0.0.1:8450"\n'
    environ = {"CREDENTIALS_DIRECTORY": str(folder)}

    assert loaded(folder, text, environ).api.tokens_file == folder / "tokens.toml"
    (folder / "tokens.toml").unlink()
    assert any("listen needs tokens_file" in line for line in refused(folder, text, environ))


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[api]\nlisten = "127.0.0.1:8450"', "api: listen needs tokens_file"),
        ('[api]\nlisten = "localhost:8450"', "api: listen needs tokens_file"),
        ('[api]\nlisten = "[::1]:8450"', "api: listen needs tokens_file"),
        (
            '[api]\nlisten = "0.0.0.0:8450"',
            "needs tls_certificate, tls_key and tokens_file; or listen on 127.0.0.1",
        ),
        (
            '[api]\nlisten = "[::]:8450"\ntokens_file = "tokens.toml"',
            "needs tls_certificate, tls_key and tokens_file",
        ),
        (
            f'[api]\nlisten = "fin.example.com:1"\n{TLS}',
            "fin.example.com:1 can be reached from other machines",
        ),
        ('[api]\ntls_certificate = "cert.pem"', "tls_certificate and tls_key belong together"),
        ('[dropin]\ntls_key = "key.pem"', "tls_certificate and tls_key belong together"),
        ('[dropin]\nlisten = "127.0.0.1:1"', "dropin.listen needs api.tokens_file"),
        (
            f'[dropin]\nlisten = "192.0.2.1:1"\nrequire_token = false\n{TLS}',
            "require_token = false is for loopback and Unix sockets alone",
        ),
        ('[dropin]\nlisten = "192.0.2.1:1"', "needs tls_certificate and tls_key"),
        ('[dropin]\nlisten = "127.0.0.1:65536"', "dropin.listen: a port is a number up to 65535"),
        ('[dropin]\nlisten = "8450"', "dropin.listen"),
        ('[dropin]\nlisten = "http://127.0.0.1:1"', "dropin.listen"),
        (f'[dropin]\nsocket = "/{"x" * 107}"', "dropin.socket: a Unix socket's path has at most"),
        ('[dropin]\nsocket = "/a\\u0000b"', "no NUL"),
        ("[dropin]\nmax_sessions = 201", "dropin.max_sessions"),
        ('[journal]\npath = "."', "is a folder; name a file"),
        ('[journal]\npath = "~nobody-by-that-name/j"', "journal.path: no home folder for ~"),
        ("[api]\nlisten = []", "api.listen"),
        ('[api]\nallowed_origins = ["example.com"]', "api.allowed_origins"),
        (f'[api]\nready_when = "{SECRET}"', "api.ready_when"),
    ],
)
def test_what_cannot_work_is_refused_with_its_name(folder: Path, table: str, said: str):
    lines = refused(folder, table + "\n")

    assert len(lines) == 1
    assert said in lines[0]


@pytest.mark.parametrize("key", ["tokens_file", "tls_certificate", "tls_key"])
@pytest.mark.parametrize(("name", "why"), [("gone", "No such file"), (".", "is a folder")])
def test_files_that_are_none_are_named(folder: Path, key: str, name: str, why: str):
    given = {"tokens_file": "tokens.toml", "tls_certificate": "cert.pem", "tls_key": "key.pem"}
    text = "".join(f'{each} = "{file}"\n' for each, file in (given | {key: name}).items())

    (line,) = refused(folder, '[api]\nlisten = "127.0.0.1:0"\n' + text)

    assert line.startswith(f"api.{key}: ")
    assert why in line


@pytest.mark.parametrize(
    ("api", "dropin"),
    [
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("localhost:1", "127.0.0.1:1"),
        ("0.0.0.0:1", "127.0.0.1:1"),
        ("127.0.0.1:1", "[::]:1"),
    ],
)
def test_two_listeners_on_one_address_are_refused(folder: Path, api: str, dropin: str):
    text = (
        f'[api]\nlisten = "{api}"\ntokens_file = "tokens.toml"\n{TLS}'
        f'[dropin]\nlisten = "{dropin}"\n{TLS}'
    )

    (line,) = refused(folder, text)

    assert "dropin.listen and api.listen are both on" in line


@pytest.mark.parametrize(
    ("api", "dropin"),
    [("127.0.0.1:1", "127.0.0.1:2"), ("127.0.0.1:1", "[::1]:1"), ("127.0.0.1:0", "127.0.0.1:0")],
)
def test_listeners_on_addresses_of_their_own_are_taken(folder: Path, api: str, dropin: str):
    text = f'[api]\nlisten = "{api}"\ntokens_file = "tokens.toml"\n[dropin]\nlisten = "{dropin}"\n'

    assert loaded(folder, text).dropin.listen == dropin


def test_two_listeners_on_one_socket_are_refused(folder: Path):
    (line,) = refused(folder, '[api]\nsocket = "a.sock"\n[dropin]\nsocket = "a.sock"\n')

    assert "dropin.socket is also api.socket" in line


def test_outward_with_tls_and_tokens_is_taken(folder: Path):
    text = (
        f'[api]\nlisten = "0.0.0.0:1"\ntokens_file = "tokens.toml"\n{TLS}'
        f'[dropin]\nlisten = "0.0.0.0:2"\n{TLS}'
    )

    settings = loaded(folder, text)

    assert settings.api.outward
    assert settings.dropin.outward


def test_a_dropin_on_loopback_may_do_without_tokens_and_a_unix_socket_always(folder: Path):
    text = QUIET + '[dropin]\nlisten = "127.0.0.1:0"\nrequire_token = false\n'

    assert not loaded(folder, text).dropin.outward
    assert loaded(folder, QUIET + '[dropin]\nsocket = "d.sock"\n').dropin.on


# ---------------------------------------------------------------- nobody configured


@pytest.mark.parametrize("agents", ["", "agents = []\n"])
@pytest.mark.parametrize("table", ['[api]\nsocket = "a"\n', '[dropin]\nsocket = "d"\n'])
def test_without_agents_somebody_must_be_able_to_bring_them(folder: Path, agents: str, table: str):
    file = folder / "l.toml"
    node = '[finesse]\nnodes = ["a"]\n'
    file.write_text(agents + node + table)
    assert NOBODY in load(file, {}).warnings

    file.write_text(agents + node)
    with pytest.raises(ConfigurationError, match=r"add \[\[agents\]\] with an id"):
        load(file, {})


# ---------------------------------------------------------------- where a client looks


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose path leaves room for a socket's."""
    return tmp_path_factory.mktemp("s")


def listening(path: Path) -> socket.socket:
    path.parent.mkdir(exist_ok=True)
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    return made


def test_a_client_finds_the_users_daemon_and_nothing_where_none_is(short: Path, monkeypatch):
    monkeypatch.setattr("listener.settings.places.SYSTEM_SOCKET", short / "system.sock")
    environ = {"XDG_RUNTIME_DIR": str(short)}
    own = short / "finesse-listener" / "api.sock"

    assert client_socket(None, environ) is None
    assert client_socket(None, {}) is None
    with listening(short / "system.sock"):
        assert client_socket(None, environ) == short / "system.sock"
        with listening(own):
            assert client_socket(None, environ) == own
            assert client_socket(None, {}) == short / "system.sock"


def test_settings_that_name_a_socket_lead_to_no_other_daemon(short: Path, monkeypatch):
    monkeypatch.setattr("listener.settings.places.SYSTEM_SOCKET", short / "system.sock")
    named = Settings(finesse={"nodes": ["a"]}, api={"socket": short / "mine.sock"})
    left_out = Settings(
        finesse={"nodes": ["a"]}, api={"socket": short / "finesse-listener" / "api.sock"}
    )
    environ = {"XDG_RUNTIME_DIR": str(short)}

    with listening(short / "system.sock"):
        assert client_socket(named, environ) is None
        assert client_socket(left_out, environ) == short / "system.sock"
        with listening(short / "mine.sock"):
            assert client_socket(named, environ) == short / "mine.sock"


def test_a_file_that_is_no_socket_is_no_daemon(short: Path):
    (short / "mine.sock").write_text("")

    settings = Settings(finesse={"nodes": ["a"]}, api={"socket": short / "mine.sock"})

    assert client_socket(settings, {}) is None


def test_the_system_socket_is_the_one_of_the_unit():
    unit = (Path(__file__).parents[2] / "config" / "listener.service").read_text(encoding="utf-8")

    assert f"RuntimeDirectory={SYSTEM_SOCKET.parent.name}\n" in unit
    assert SYSTEM_SOCKET.name == "api.sock"


# ---------------------------------------------------------------- what a reload has to do


def settings_of(*agents: dict[str, object], **sections: object) -> Settings:
    with_password = [{"password": SECRET} | agent for agent in agents]
    return Settings(**{"finesse": {"nodes": ["a"]}, "agents": with_password} | sections)


def test_the_same_settings_ask_for_nothing():
    one = settings_of({"id": "1"}, {"id": "2"})

    found = changes(one, settings_of({"id": "2"}, {"id": "1"}))

    assert not found
    assert not changes(one, one)


def test_agents_come_go_and_change():
    old = settings_of({"id": "1"}, {"id": "2"}, {"id": "3"}, {"id": "4"})
    new = settings_of(
        {"id": "2"},
        {"id": "3", "password": "another"},
        {"id": "4", "password": "another", "connect": "while_signed_in", "extension": "4004"},
        {"id": "5"},
    )

    found = changes(old, new)

    assert [agent.id for agent in found.added] == ["5"]
    assert [agent.id for agent in found.removed] == ["1"]
    assert [(change.agent.id, change.keys) for change in found.changed] == [
        ("3", ("password",)),
        ("4", ("connect", "extension", "password")),
    ]
    assert [change.credentials_only for change in found.changed] == [True, False]
    assert found.changed[0].agent is new.agents[1]
    assert found.restart_needed == ()
    assert SECRET not in repr(found)


def test_another_place_of_the_same_password_is_no_change():
    old = settings_of({"id": "1", "password_file": "/a"})

    assert not changes(old, settings_of({"id": "1", "password_env": "MINE"}))


def test_everything_but_agents_needs_a_restart_and_is_named():
    old = settings_of({"id": "1"})
    new = settings_of(
        {"id": "1"},
        finesse={"nodes": ["b"]},
        api={"socket": "/run/x", "max_connections": 5},
        journal={"retention_days": 1},
        defaults={"password_dir": "/elsewhere"},
        logs={"level": "DEBUG"},
    )

    found = changes(old, new)

    assert found.restart_needed == (
        "finesse.nodes",
        "logs.level",
        "api.socket",
        "api.max_connections",
        "journal.retention_days",
    )
    assert found
    assert (found.added, found.removed, found.changed) == ((), (), ())


def test_the_example_of_a_tokens_file_is_one_but_for_its_digests():
    tokens = Tokens.load(Path(__file__).parents[2] / "config" / "tokens.example.toml")

    assert [entry.caller.name for entry in tokens.entries] == ["crm", "prometheus"]
