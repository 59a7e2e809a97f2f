"""Every quirk of HipChat's that README lists names a test that exists."""

import re
from pathlib import Path

from connectors import hipchat

TESTS = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (\d+) \| .* \| `(test_\w+)` \|$", re.MULTILINE)


def test_every_quirk_has_a_test() -> None:
    readme = Path(hipchat.__path__[0], "README.md").read_text()
    sources = [*Path(__file__).parent.glob("test_*.py"), TESTS / "relay/test_hipchat.py"]
    defined = set(
        re.findall(r"^def (test_\w+)", "\n".join(path.read_text() for path in sources), re.MULTILINE)
    )

    found = dict(ROW.findall(readme))

    assert sorted(map(int, found)) == list(range(1, 32))
    assert set(found.values()) <= defined
