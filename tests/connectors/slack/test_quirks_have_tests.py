"""Every quirk of Slack that README lists names a test that exists."""

import re
from pathlib import Path

from connectors import slack

ROW = re.compile(r"^\| (\d+) \| .* \| `(test_\w+)` \|$", re.MULTILINE)


def test_every_quirk_has_a_test():
    readme = Path(slack.__path__[0], "README.md").read_text()
    tests = Path(__file__).parents[2]
    files = [
        *Path(__file__).parent.glob("test_*.py"),
        tests / "connectors" / "test_contract.py",
        *(tests / "relay").glob("test_slack*.py"),
    ]
    sources = "\n".join(path.read_text() for path in files)
    defined = set(re.findall(r"^def (test_\w+)", sources, re.MULTILINE))

    found = dict(ROW.findall(readme))

    assert sorted(map(int, found)) == list(range(1, 40))
    assert set(found.values()) <= defined
