from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path

import pytest

import listener
from listener.errors import ListenerError
from listener.finesse.actions.table import ACTIONS

ROOT = Path(listener.__file__).parent


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    return done.stdout.strip()


@pytest.mark.parametrize("name", listener.__all__)
def test_every_name_of_the_door_leads_somewhere(name: str):
    assert getattr(listener, name) is not None
    assert name in dir(listener)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = listener.nothing


def test_what_type_checkers_see_is_what_there_is():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.asname or alias.name
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert seen | {"__version__"} == set(listener.__all__)


def test_every_request_and_every_error_is_at_the_door():
    requests = {kind.__name__ for kind in ACTIONS.values()}
    errors = {
        name
        for name, given in vars(import_module("listener.errors")).items()
        if isinstance(given, type) and issubclass(given, ListenerError)
    }

    assert requests | errors <= set(listener.__all__)


def test_the_pure_parts_load_no_shell():
    loaded = run(
        "import sys, listener.finesse, listener.correlation, listener.correlation.outcome, "
        "listener.finesse.actions\n"
        "print(sorted({'slixmpp', 'httpx', 'structlog', 'pydantic'} & sys.modules.keys()))"
    )

    assert loaded == "[]"


def test_the_door_itself_loads_nothing():
    assert (
        run("import sys, listener\nprint([m for m in sys.modules if m.startswith('listener.')])")
        == "[]"
    )


def test_the_version_is_the_packages():
    try:
        installed = metadata.version("finesse-listener")
    except metadata.PackageNotFoundError:
        pytest.skip("the package is not installed here")
    assert listener.__version__ == installed


def test_only_the_settings_and_what_speaks_to_systemd_read_the_environment():
    found = [
        str(path.relative_to(ROOT))
        for path in sorted(ROOT.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in {"environ", "environb", "getenv"}
        and ast.unparse(node.value) == "os"
    ]

    others = {"daemon.py", "handover/starting.py", "operations/alive.py"}
    assert {name for name in found if Path(name).parts[0] != "settings"} == others


def test_no_module_imports_from_the_door_but_the_command_line():
    guests = {
        str(path.relative_to(ROOT))
        for path in sorted(ROOT.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module == "listener"
        and {alias.name for alias in node.names} & set(listener.__all__)
    }

    assert guests <= {"cli/app.py"}
