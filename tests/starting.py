"""A Sameroom of one's own whose database has its tables already: a start saves the seconds that they take.

That a start makes them is asked in tests/standalone/test_run.py.
"""

import os
import subprocess
import sys
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path

from standalone import throwaway
from standalone.throwaway import Sameroom

ROOT = Path(__file__).resolve().parents[1]


@cache
def database() -> Path:
    """A SQLite file with all tables and no rows of anybody's, made once for each test process."""
    folder = Path(os.environ["VAR_DIR"]) / "migrated"  # of this process: tests/settings.py
    environment = {"PATH": os.environ["PATH"], "LOCAL": "1", "VAR_DIR": str(folder)}
    command = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    [*beside] = folder.glob("sameroom.sqlite3-*")
    assert beside == []  # SQLite has written all into the one file
    return folder / "sameroom.sqlite3"


def started(**variables: str) -> AbstractContextManager[Sameroom]:
    """As `standalone.throwaway.started`."""
    return throwaway.started(database(), **variables)
