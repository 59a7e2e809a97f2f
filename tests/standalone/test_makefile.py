import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.standalone.conftest import ROOT


def make(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_plain_make_lists_every_target() -> None:
    listed = re.findall(r"^  make (\S+) +\S", make().stdout, re.MULTILINE)

    declared = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert declared
    assert sorted(listed) == sorted(declared[1].split())
    assert len(listed) <= 14


def test_old_python_is_refused_with_its_version(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python3.8"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.10" && exit 0\nexit 1\n')
    old.chmod(0o755)

    refused = make("run", f"PYTHON3={old}", folder=tmp_path)

    assert refused.returncode != 0
    assert "needs Python 3.11 or newer; found Python 3.8.10" in refused.stdout
    assert not (tmp_path / ".venv").exists()
