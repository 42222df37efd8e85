from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr

from listener.errors import ConfigurationError
from listener.places import Places
from listener.settings import Settings, load
from listener.settings.secrets import variable_of

CONFIG = Path(__file__).parents[2] / "config"
SECRET = "hunter2-never-shown"
ENVIRON = {"LISTENER_PASSWORD_1001": SECRET}
FOLDERS = {"RUNTIME_DIRECTORY": "/run/x", "STATE_DIRECTORY": "/"}

LEAST = """
[finesse]
nodes = ["fin1.example.com"]
[[agents]]
id = "1001"
"""


def written(tmp_path: Path, text: str | bytes, name: str = "l.toml") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def secret_file(folder: Path, name: str, text: str = SECRET, mode: int = 0o600) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def problems(path: Path | None, environ: dict[str, str] | None = None, **overrides: Any) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load(path, ENVIRON if environ is None else environ, overrides)
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None
    return str(raised.value)


# ---------------------------------------------------------------- what is read


def test_the_least_file_has_all_defaults(tmp_path: Path):
    settings = load(written(tmp_path, LEAST), ENVIRON | FOLDERS)

    assert settings.finesse.endpoints == (
        ("fin1.example.com", "https://fin1.example.com:8445", 5223),
    )
    assert settings.finesse.security == "tls"
    assert settings.requests.gate == "queue"
    assert settings.requests.max_pending == 10_000
    assert settings.requests.max_pending_per_agent == 100
    assert settings.requests.tombstone_minutes == 15
    assert settings.logs.show_numbers is False
    assert settings.warnings == ()


@pytest.mark.parametrize(
    ("node", "endpoint"),
    [
        ('"fin.example.com"', ("fin.example.com", "https://fin.example.com:8445", 5223)),
        ('"fin.example.com:444"', ("fin.example.com", "https://fin.example.com:444", 5223)),
        (
            '"https://fin.example.com:444/"',
            ("fin.example.com", "https://fin.example.com:444", 5223),
        ),
        ('"HTTPS://fin.example.com"', ("fin.example.com", "https://fin.example.com:8445", 5223)),
        ('"192.0.2.1"', ("192.0.2.1", "https://192.0.2.1:8445", 5223)),
        ('"[2001:db8::1]:444"', ("2001:db8::1", "https://[2001:db8::1]:444", 5223)),
        ('{ host = "fin", rest_port = 1, xmpp_port = 2 }', ("fin", "https://fin:1", 2)),
    ],
)
def test_a_node_may_be_written_in_several_ways(
    tmp_path: Path, node: str, endpoint: tuple[str, str, int]
):
    text = LEAST.replace('"fin1.example.com"', node)

    assert load(written(tmp_path, text), ENVIRON).finesse.endpoints == (endpoint,)


def test_http_is_for_laboratories_alone(tmp_path: Path):
    text = LEAST.replace("fin1.example.com", "http://fin1.example.com")

    assert 'security = "plain"' in problems(written(tmp_path, text))

    environ = ENVIRON | FOLDERS | {"LISTENER_FINESSE__SECURITY": "plain"}
    plain = load(written(tmp_path, text), environ)
    assert plain.finesse.endpoints[0].rest_url == "http://fin1.example.com:8445"
    assert "unencrypted" in plain.warnings[0]


def test_arguments_beat_the_environment_which_beats_the_file(tmp_path: Path):
    path = written(tmp_path, LEAST + "[timings]\ndrain = 1\nping_interval = 1\nping_timeout = 1\n")
    environ = ENVIRON | {"LISTENER_TIMINGS__DRAIN": "2", "LISTENER_TIMINGS__PING_TIMEOUT": "2"}

    timings = load(path, environ, {"timings": {"drain": 3}}).timings

    assert (timings.ping_interval, timings.ping_timeout, timings.drain) == (1, 2, 3)


def test_a_list_in_the_environment_is_json():
    environ = ENVIRON | {"LISTENER_FINESSE__NODES": '["a.example.com", "b.example.com"]'}

    settings = load(None, environ, {"agents": [{"id": "1001"}]})

    assert [node.host for node in settings.finesse.endpoints] == ["a.example.com", "b.example.com"]


def test_an_action_may_have_its_own_deadline(tmp_path: Path):
    text = LEAST + "[requests]\ndeadline = 9\ndeadlines = { MAKE_CALL = 40 }\n"
    requests = load(written(tmp_path, text), ENVIRON).requests

    assert (requests.deadlines, requests.deadline) == ({"MAKE_CALL": 40}, 9)


def test_an_agent_says_otherwise_than_the_defaults(tmp_path: Path):
    text = LEAST + (
        'connect = "always"\n[[agents]]\nid = 1002\n[defaults]\nconnect = "while_signed_in"\n'
        'subscriptions = ["/finesse/api/Team/5/Users"]\n'
    )
    environ = ENVIRON | {"LISTENER_PASSWORD_1002": "x"}

    one, two = load(written(tmp_path, text), environ).agents

    assert (one.connect, two.connect) == ("always", "while_signed_in")
    assert two.subscriptions == ("/finesse/api/Team/5/Users",)
    assert two.id == "1002"


def test_a_byte_order_mark_is_no_problem(tmp_path: Path):
    assert load(written(tmp_path, b"\xef\xbb\xbf" + LEAST.encode()), ENVIRON).agents[0].id == "1001"


def test_settings_are_frozen(tmp_path: Path):
    settings = load(written(tmp_path, LEAST), ENVIRON)

    with pytest.raises(ValueError, match="frozen"):
        settings.finesse.security = "plain"
    with pytest.raises(ValueError, match="frozen"):
        settings.logs = None


def test_one_agent_alone(tmp_path: Path):
    text = LEAST + '[[agents]]\nid = "1002"\n'
    settings = load(written(tmp_path, text), ENVIRON | {"LISTENER_PASSWORD_1002": "x"})

    assert [agent.id for agent in settings.only("1002").agents] == ["1002"]
    with pytest.raises(
        ConfigurationError, match="1003 is not configured; configured are: 1001, 1002"
    ):
        settings.only("1003")


def test_settings_made_by_hand_read_no_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LISTENER_FINESSE__NODES", '["other.example.com"]')

    settings = Settings(finesse={"nodes": ["a.example.com"]}, agents=[{"id": "1", "password": "x"}])

    assert settings.finesse.nodes[0].host == "a.example.com"


# ---------------------------------------------------------------- secrets


def revealed(settings: Settings) -> str:
    return settings.agents[0].xmpp_secret.get_secret_value()


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_password_file_loses_one_newline(tmp_path: Path, ending: str):
    secret_file(tmp_path / "s", "pw", SECRET + ending)

    settings = load(written(tmp_path, LEAST + 'password_file = "s/pw"\n'), {})

    assert revealed(settings) == SECRET


def test_blanks_belong_to_the_password(tmp_path: Path):
    secret_file(tmp_path / "s", "pw", "  x \n")

    assert revealed(load(written(tmp_path, LEAST + 'password_file = "s/pw"\n'), {})) == "  x "


def test_a_password_may_come_from_a_folder_or_from_systemd(tmp_path: Path):
    secret_file(tmp_path / "own", "1001", "own")
    secret_file(tmp_path / "systemd", "1001", "systemd")
    path = written(tmp_path, LEAST + '[defaults]\npassword_dir = "own"\n')
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "systemd")}

    assert revealed(load(path, environ)) == "own"
    assert revealed(load(written(tmp_path, LEAST), environ)) == "systemd"


@pytest.mark.parametrize("where", ['password_dir = "own"', 'password_dir = "./own/../own"'])
def test_a_settings_file_named_from_elsewhere_still_has_its_paths_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
):
    folder = tmp_path / "run"
    folder.mkdir()
    secret_file(folder / "own", "1001", "own")
    written(folder, f"{LEAST}[defaults]\n{where}\n")
    monkeypatch.chdir(tmp_path)

    assert revealed(load(Path("run") / "l.toml", {})) == "own"


def test_a_folder_that_systemd_loaded_has_its_name_before_each_file(tmp_path: Path):
    secret_file(tmp_path / "systemd", "passwords_1001", "of a folder")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path / "systemd")}

    assert revealed(load(written(tmp_path, LEAST), environ)) == "of a folder"


def test_a_named_variable_beats_the_usual_one(tmp_path: Path):
    path = written(tmp_path, LEAST + 'password_env = "MINE"\n')

    assert revealed(load(path, ENVIRON | {"MINE": "mine"})) == "mine"
    assert "agents (1001).password_env: MINE is not set" in problems(path)


def test_a_token_serves_where_there_is_no_password(tmp_path: Path):
    secret_file(tmp_path / "s", "token", "abc.def")
    path = written(tmp_path, LEAST + 'token_file = "s/token"\n')

    assert revealed(load(path, {})) == "abc.def"
    both = load(path, ENVIRON).agents[0]
    assert (both.xmpp_secret.get_secret_value(), both.token.get_secret_value()) == (
        SECRET,
        "abc.def",
    )


@pytest.mark.parametrize("key", ["password", "token", "secret"])
def test_a_secret_in_the_file_is_refused_with_the_way_out(tmp_path: Path, key: str):
    said = problems(written(tmp_path, LEAST + f'{key} = "{SECRET}"\n'))

    assert f"agents (1001).{key}: no secret may stand in this file" in said
    assert "password_file" in said
    assert "LISTENER_PASSWORD_1001" in said


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "empty"), ("\n", "empty"), ("a\nb", "more than one line"), ("x" * 20000, "too long")],
)
def test_an_impossible_secret_is_named_by_its_place(tmp_path: Path, text: str, why: str):
    file = secret_file(tmp_path / "s", "pw", text)

    said = problems(written(tmp_path, LEAST + 'password_file = "s/pw"\n'), {})

    assert f"agents (1001).password_file: {file}: " in said
    assert why in said


def test_a_secret_that_is_not_text_is_refused(tmp_path: Path):
    secret_file(tmp_path / "s", "pw").write_bytes(b"\xff\xfe")

    assert "not UTF-8" in problems(written(tmp_path, LEAST + 'password_file = "s/pw"\n'), {})


def test_a_missing_secret_file_is_named(tmp_path: Path):
    said = problems(written(tmp_path, LEAST + 'password_file = "nope"\n'), {})

    assert f"agents (1001).password_file: {tmp_path / 'nope'}: No such file" in said


def test_an_agent_without_a_password_is_told_the_ways(tmp_path: Path):
    said = problems(written(tmp_path, LEAST), {})

    assert "agents (1001): no password; put it into a file" in said


def test_a_secret_that_everybody_can_read_is_a_warning(tmp_path: Path):
    file = secret_file(tmp_path / "s", "pw", mode=0o644)

    settings = load(written(tmp_path, LEAST + 'password_file = "s/pw"\n'), FOLDERS)

    assert settings.warnings == (f"{file} can be read by everybody; chmod 600 it",)


def test_a_variable_that_fits_two_agents_is_used_for_neither(tmp_path: Path):
    text = LEAST.replace("1001", "j.doe") + '[[agents]]\nid = "j-doe"\n'

    said = problems(written(tmp_path, text), {variable_of("j.doe"): SECRET})

    assert "agents (j.doe): LISTENER_PASSWORD_J_DOE fits several agents" in said
    assert "agents (j-doe): LISTENER_PASSWORD_J_DOE fits several agents" in said


def test_no_repr_shows_a_secret(tmp_path: Path):
    settings = load(written(tmp_path, LEAST), ENVIRON)

    assert (
        SECRET
        not in repr(settings) + str(settings) + repr(settings.agents) + settings.model_dump_json()
    )


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("key", ["[[finesse]]", "[deployments.two]", "[deployment.two]"])
def test_a_second_deployment_is_refused_by_name(tmp_path: Path, key: str):
    text = (
        LEAST.replace("[finesse]", key) if "finesse" in key else LEAST
    ) + f"\n{key}\nnodes = ['x']\n"

    said = problems(written(tmp_path, text))

    assert "one daemon serves one deployment" in said
    assert said.count("\n") == 0


@pytest.mark.parametrize("text", [LEAST.split("[[agents]]", maxsplit=1)[0], ""])
def test_a_file_without_agents_is_refused(tmp_path: Path, text: str):
    assert "no agents; add [[agents]]" in problems(written(tmp_path, text))


def test_an_empty_list_of_agents_is_refused(tmp_path: Path):
    said = problems(written(tmp_path, "agents = []\n[finesse]\nnodes = ['a']\n"))

    assert "agents: is empty; add [[agents]]" in said


@pytest.mark.parametrize(
    "nodes",
    [
        '"a.example.com", "a.example.com"',
        '"a.example.com", "A.Example.com"',
        '"a.example.com", "a.example.com."',
        '"a.example.com:8445", "a.example.com:8446"',
        '{ host = "a", xmpp_port = 5223 }, { host = "a", xmpp_port = 5224 }',
        '"[::1]:8445", "[::1]:9445"',
    ],
)
def test_one_node_written_twice_is_refused_with_words(tmp_path: Path, nodes: str):
    text = LEAST.replace('"fin1.example.com"', nodes)
    said = problems(written(tmp_path, text))
    assert "nodes" in said
    assert "is there twice; leave one out" in said


def test_two_nodes_on_one_host_with_ports_of_their_own_are_two_places(tmp_path: Path):
    one, two = (f'{{ host = "a", rest_port = {n}, xmpp_port = {n + 1} }}' for n in (1, 3))
    nodes = f"{one}, {two}"
    text = LEAST.replace('"fin1.example.com"', nodes)
    settings = load(written(tmp_path, text), ENVIRON | FOLDERS)
    assert list(Places(settings.finesse)) == ["a:2", "a:4"]


def test_no_nodes_are_refused(tmp_path: Path):
    assert "no nodes; write nodes" in problems(
        written(tmp_path, LEAST.replace('"fin1.example.com"', ""))
    )


def test_agents_as_a_table_are_told_how_to_be_written(tmp_path: Path):
    said = problems(written(tmp_path, LEAST.replace("[[agents]]", "[agents.one]")))

    assert "add [[agents]]" in said


def test_an_agent_is_there_once_whatever_its_case(tmp_path: Path):
    text = LEAST.replace("1001", "jdoe") + '[[agents]]\nid = "JDoe"\n'

    assert "agent JDoe is there twice" in problems(
        written(tmp_path, text), {variable_of("jdoe"): "x"}
    )


@pytest.mark.parametrize("wrong", ["@", "/", " ", "\\t", "\\u0000", ":", "\\n", "\\u00a0"])
def test_an_agent_id_with_a_character_that_cannot_be_is_refused(tmp_path: Path, wrong: str):
    said = problems(written(tmp_path, LEAST.replace('"1001"', f'"10{wrong}01"')), {})

    assert "an agent id cannot contain" in said
    assert "no password" not in said


@pytest.mark.parametrize("wrong", [".", ".."])
def test_an_agent_id_that_is_a_folder_is_refused(tmp_path: Path, wrong: str):
    text = LEAST.replace("1001", wrong) + '[defaults]\npassword_dir = "."\n'

    assert "name for a folder" in problems(written(tmp_path, text), {})


def test_unknown_keys_are_named_with_what_was_meant(tmp_path: Path):
    text = (
        LEAST.replace("[[agents]]", f'securty = "{SECRET}"\n[[agents]]\nextention = "1"')
        + "[log]\n"
    )

    said = problems(written(tmp_path, text))

    assert "finesse.securty: no such setting; did you mean security?" in said
    assert "agents (1001).extention: no such setting; did you mean extension?" in said
    assert "log: no such setting; did you mean logs?" in said


def test_an_unknown_variable_is_named(tmp_path: Path):
    environ = ENVIRON | {"LISTENER_LOG__LEVEL": "DEBUG"}

    said = problems(written(tmp_path, LEAST), environ)

    assert "environment variable LISTENER_LOG__LEVEL: no such setting; did you mean logs?" in said


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (f'[requests]\ngate = "{SECRET}"', "requests.gate"),
        ("[requests]\nmax_pending = 0", "requests.max_pending"),
        ("[requests]\ndeadline = -1", "requests.deadline"),
        ("[requests]\ndeadline = nan", "requests.deadline"),
        ("[requests]\ndeadlines = { HOLDD = 3 }", "HOLDD is no action; did you mean HOLD?"),
        ("[requests]\ndeadlines = { XYZ = 3 }", "XYZ is no action; actions are MAKE_CALL, "),
        ("[requests]\ndeadlines = { HOLD = 0 }", "requests.deadlines.HOLD"),
        (f'[requests]\nminimum_evidence = "{SECRET}"', "requests.minimum_evidence"),
        ("[timings]\nping_interval = 300", "timings.ping_interval"),
        ("[timings]\nconnect_deadline = inf", "timings.connect_deadline"),
        (f'[logs]\nlevel = "{SECRET}"', "logs.level"),
        ("[logs]\nwire = 'perhaps'", "logs.wire"),
    ],
)
def test_impossible_values_are_named_by_their_key_and_not_repeated(
    tmp_path: Path, table: str, key: str
):
    path = written(tmp_path, f"{LEAST}{table}\n")

    assert f"{path}: " in problems(path)
    assert key in problems(path)


@pytest.mark.parametrize(
    "node", ["", "https://fin/desktop", "ftp://fin", "fin:port", "user@fin", "fin:99999", "a b"]
)
def test_an_impossible_node_is_refused(tmp_path: Path, node: str):
    text = LEAST.replace('"fin1.example.com"', f'"ok.example.com", "{node}"')

    assert "finesse.nodes (number 2)" in problems(written(tmp_path, text))


def test_a_missing_ca_file_is_refused(tmp_path: Path):
    text = LEAST.replace("[[agents]]", 'ca_file = "nope.pem"\n[[agents]]')

    assert f"finesse.ca_file: {tmp_path / 'nope.pem'}: no such file" in problems(
        written(tmp_path, text)
    )


def test_a_ca_file_is_found_beside_the_settings(tmp_path: Path):
    ca_file = written(tmp_path, "-", "ca.pem")
    text = LEAST.replace("[[agents]]", 'ca_file = "ca.pem"\n[[agents]]')

    assert load(written(tmp_path, text), ENVIRON).finesse.ca_file == ca_file


def test_several_problems_are_told_at_once(tmp_path: Path):
    text = LEAST + 'connect = "never"\n[logs]\nformat = "xml"\n[timings]\ndrain = -1\n'

    environ = ENVIRON | {"LISTENER_REQUESTS__GATE": "open"}

    said = problems(written(tmp_path, text), environ).splitlines()

    assert len(said) == 4
    assert any("requests.gate (from LISTENER_REQUESTS__GATE)" in line for line in said)
    assert any(
        "agents (1001).connect: must be 'always' or 'while_signed_in'" in line for line in said
    )


def test_an_agent_that_is_there_twice_is_told_beside_other_mistakes(tmp_path: Path):
    text = LEAST + '[[agents]]\nid = "1001"\n[timings]\ndrain = -1\n'

    said = problems(written(tmp_path, text)).splitlines()

    assert [line.partition(": ")[2] for line in said] == [
        "agents: agent 1001 is there twice; each agent has one entry",
        "timings.drain: must be greater than or equal to 0",
    ]


def test_a_third_node_is_refused_in_plain_words(tmp_path: Path):
    text = LEAST.replace('["fin1.example.com"]', '["a", "b", "c"]')

    said = problems(written(tmp_path, text))

    assert said.endswith("finesse.nodes: Finesse has two nodes at most, the primary and secondary")


def test_a_wrong_list_in_the_environment_is_told_without_its_value(tmp_path: Path):
    said = problems(written(tmp_path, LEAST), ENVIRON | {"LISTENER_FINESSE__NODES": SECRET})

    assert "LISTENER_FINESSE" in said
    assert "a list is written as JSON" in said


# ---------------------------------------------------------------- files that are none


def test_a_syntax_error_names_the_line(tmp_path: Path):
    path = written(tmp_path, LEAST + "[logs]\nlevel = \n")

    assert re.search(rf"{re.escape(str(path))}: not TOML: .*line 7", problems(path))


def test_text_that_is_not_utf_8_names_the_line(tmp_path: Path):
    path = written(tmp_path, b"# one\n# two \xff\n")

    assert problems(path) == f"{path}: line 2: not UTF-8 text"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = " + "[" * 3000, "deeper than 32"),
        ("x = " + "[" * 33 + "]" * 33, "deeper than 32"),
        ("[" + "a." * 5000 + "a]", "deeper than 32"),
        ("x = 1" + "0" * 5000, "cannot be read"),
    ],
)
def test_what_python_cannot_take_in_is_refused_in_plain_words(tmp_path: Path, text: str, said: str):
    file = tmp_path / "listener.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=rf"listener\.toml: .*{said}") as refused:
        load(file, {})
    assert len(str(refused.value)) < 300


def test_a_folder_is_no_settings_file(tmp_path: Path):
    assert problems(tmp_path) == f"{tmp_path}: is a folder; name the file in it"


def test_a_missing_file_is_named(tmp_path: Path):
    assert "nope.toml: No such file" in problems(tmp_path / "nope.toml")


def test_an_endless_file_is_refused():
    assert "too long" in problems(Path("/dev/zero"))


# ---------------------------------------------------------------- the files in config/


def settings_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        inner = [m for m in (field.annotation, *_inside(field.annotation)) if _is_model(m)]
        found += settings_keys(inner[0], f"{prefix}{name}.") if inner else [f"{prefix}{name}"]
    return found


def _inside(annotation: Any) -> list[Any]:
    return [deep for arg in get_args(annotation) for deep in (arg, *_inside(arg))]


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def test_the_example_explains_every_setting_with_its_default():
    text = (CONFIG / "listener.example.toml").read_text(encoding="utf-8")
    sections = re.split(r"^\[+(\w+)\]+$", text, flags=re.MULTILINE)
    by_section: dict[str, str] = {}
    for name, body in zip(sections[1::2], sections[2::2], strict=True):
        by_section[name] = by_section.get(name, "") + body

    keys = [
        key for key in settings_keys(Settings) if key not in {"agents.password", "agents.token"}
    ]
    assert len(keys) > 30
    for key in keys:
        section, _, name = key.partition(".")
        name = name.removeprefix("nodes.")
        assert re.search(rf"^(# +)?(.*[{{ ])?{name} = ", by_section[section], re.MULTILINE), key


def test_the_example_loads_as_it_is_and_with_every_default_spelt_out(tmp_path: Path):
    text = (CONFIG / "listener.example.toml").read_text(encoding="utf-8")
    secret_file(tmp_path / "passwords", "1001")
    secret_file(tmp_path / "passwords", "1002")
    spelt = re.sub(
        r"^# ((?:rest|xmpp)_port|security|presence|connect|gate|max_\w+|tombstone_minutes"
        r"|minimum_evidence"
        r"|ping_\w+|connect_deadline|rest_\w+|drain|level|format|show_numbers|wire"
        r"|allowed_\w+|ready_when|agent_labels|notifications|keep_call_data|retention_days"
        r"|require_token|sessions_on_demand|session_wait|refused_minutes)( = )",
        r"\1\2",
        text.replace('# connect = "while_signed_in"', ""),
        flags=re.MULTILINE,
    )
    assert spelt != text

    as_it_is = load(written(tmp_path, text), {})

    assert load(written(tmp_path, spelt), {}) == as_it_is
    assert [agent.id for agent in as_it_is.agents] == ["1001", "1002"]


def test_the_demo_settings_load_once_the_simulator_has_written_its_folder(tmp_path: Path):
    path = written(tmp_path, (CONFIG / "demo.toml").read_bytes())
    assert "demo-run/ca.pem: no such file" in problems(path)
    folder = tmp_path / "demo-run"
    secret_file(folder, "ca.pem")
    for name in ("1001001", "1001002"):
        secret_file(folder / "passwords", name)

    settings = load(path, {})

    assert [(agent.id, agent.extension) for agent in settings.agents] == [
        ("1001001", "1001001"),
        ("1001002", "1001002"),
    ]
    assert settings.finesse.endpoints == (("127.0.0.1", "https://127.0.0.1:8445", 5223),)


def test_passwords_may_be_given_by_a_program():
    given = {"finesse": {"nodes": ["a"]}, "agents": [{"id": "1", "password": SecretStr(SECRET)}]}

    assert revealed(load(None, {}, given)) == SECRET


def test_a_bad_agent_id_is_told_once_and_not_as_missing(tmp_path):
    text = '[finesse]\nnodes = ["fin1.example.com"]\n[[agents]]\nid = "10@01"\n'

    said = problems(written(tmp_path, text))

    assert "cannot contain '@'" in said
    assert "no agents" not in said
