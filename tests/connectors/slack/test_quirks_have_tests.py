"""Every quirk of Slack that README lists names a test that exists."""

import re
from pathlib import Path

from connectors import slack

ROW = re.compile(r"^\| (\d+) \| .* \| `(test_\w+)` \|$", re.MULTILINE)


def test_every_quirk_has_a_test():
    readme = Path(slack.__path__[0], "README.md").read_text()
    files = [*Path(__file__).parent.glob("test_*.py"), Path(__file__).parents[1] / "test_contract.py"]
    sources = "\n".join(path.read_text() for path in files)
    defined = set(re.findall(r"^def (test_\w+)", sources, re.MULTILINE))

    found = dict(ROW.findall(readme))

    assert sorted(map(int, found)) == list(range(1, 25))
    assert set(found.values()) <= defined
