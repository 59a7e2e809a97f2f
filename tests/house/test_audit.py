"""What `make check` says of known vulnerabilities, with somebody else's answers in the place of PyPI's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parents[2] / ".ci" / "audit"
PINS = '# pinned\none==1.0\ntwo==2.0\nother==3.0; python_version < "3"\n'
FLAW = {"id": "PYSEC-2026-1", "fix_versions": ["2.1"], "aliases": [], "description": ""}


def audit(folder: Path, answers: dict[str, list[dict[str, Any]]], **variables: str) -> tuple[int, str]:
    """The exit status and the line of an audit whose sources answer so."""
    package = folder / "pip_audit"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(
        "import json, sys\n"
        f"answers = json.loads({json.dumps(answers)!r})\n"
        "source = sys.argv[sys.argv.index('--vulnerability-service') + 1]\n"
        "print(json.dumps({'dependencies': answers[source]}) if source in answers else 'no route to host')\n"
    )
    pins = folder / "pins.txt"
    pins.write_text(PINS)
    environment = {name: value for name, value in os.environ.items() if name != "SAMEROOM_REQUIRE_AUDIT"}
    environment |= {"PYTHONPATH": str(folder), **variables}
    done = subprocess.run(
        [sys.executable, str(AUDIT), str(pins)], env=environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def package(name: str, *flaws: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "version": "2.0", "vulns": list(flaws)}


def unknown(name: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": "Dependency not found on PyPI and could not be audited"}


def test_all_is_well(tmp_path: Path) -> None:
    answers = {"pypi": [package("One"), package("two")]}

    assert audit(tmp_path, answers) == (0, "No known vulnerabilities in 2 packages.\n")


def test_a_vulnerability_is_a_failure_that_says_what_to_do(tmp_path: Path) -> None:
    status, said = audit(tmp_path, {"pypi": [package("one"), package("two", FLAW)]})

    assert (status, said) == (1, "two 2.0 has PYSEC-2026-1, fixed in 2.1. Raise it: make lock\n")


def test_the_second_source_is_asked_for_what_the_first_does_not_know(tmp_path: Path) -> None:
    answers = {"pypi": [package("one"), unknown("two")], "osv": [package("one"), package("two", FLAW)]}

    assert audit(tmp_path, answers)[0] == 1


@pytest.mark.parametrize("answers", [{}, {"pypi": [unknown("one"), unknown("two")], "osv": []}])
def test_a_machine_without_a_network_is_told_and_does_not_fail(
    tmp_path: Path, answers: dict[str, list[dict[str, Any]]]
) -> None:
    status, said = audit(tmp_path, answers)

    assert status == 0
    assert said.startswith(
        "LEFT OUT: known vulnerabilities of 2 of 2 packages: pypi.org and api.osv.dev did not"
    )


def test_where_it_is_wanted_an_audit_that_is_left_out_is_a_failure(tmp_path: Path) -> None:
    assert audit(tmp_path, {"pypi": [package("one")]}, SAMEROOM_REQUIRE_AUDIT="1")[0] == 1
