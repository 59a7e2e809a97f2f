"""Every quirk of IRC that README lists names a test that exists."""

import re
from pathlib import Path

from connectors import irc

ROW = re.compile(r"^\| (\d+) \| .* \| `(test_\w+)` \|$", re.MULTILINE)


def test_every_quirk_has_a_test():
    readme = Path(irc.__path__[0], "README.md").read_text()
    sources = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    defined = set(re.findall(r"^def (test_\w+)", sources, re.MULTILINE))

    found = dict(ROW.findall(readme))

    assert sorted(map(int, found)) == list(range(1, 33))
    assert set(found.values()) <= defined
