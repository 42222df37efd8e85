"""The catalogue as the API tells it."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from listener.api.lookup import looked_up, reading
from listener.cli.app import app

TYPE = "Call Operation Failure"


def test_shape_is_that_of_explain():
    for text, deployment in (("34", None), ("CF_INVALID_OBJECT_STATE", "UCCE"), (TYPE, "UCCX")):
        command = ["explain", text, "--json"]
        command += ["--deployment", deployment] if deployment else []
        printed = json.loads(CliRunner().invoke(app, command).stdout)
        assert looked_up(text, deployment) == printed


def test_unknown_error_has_what_resembles_it():
    found = looked_up("CF_INVALID_OBJECT")
    assert found["entries"] == []
    assert "CF_INVALID_OBJECT_STATE" in found["suggestions"]


def test_note_says_where_the_entries_are_from():
    entries = looked_up("E_ARM_STAT_PERFORMANCE_LIMIT_EXCEEDED")["entries"]
    assert {name for entry in entries for name in entry["deployments"]} == {"UCCE"}
    found = looked_up("E_ARM_STAT_PERFORMANCE_LIMIT_EXCEEDED", "UCCX")
    assert found["note"] == "nothing is known for UCCX; on UCCE:"


def test_number_alone_is_not_guessed_and_its_message_decides():
    assert reading("34", None, None)["constant"] is None
    read = reading("CF_INVALID_OBJECT_STATE", TYPE, "34")
    assert (read["family"], read["constant"]) == ("CF", "CF_INVALID_OBJECT_STATE")
    assert read["meaning"]
    assert read["advice"]


def test_code_counts_as_data_unless_there_is_other_data():
    assert reading("13145", None, None) == reading("x", None, "13145")
