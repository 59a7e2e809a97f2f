"""Rules of the house that a reader relies on, checked instead of remembered."""

import ast
from pathlib import Path

import pytest

from connectors.registry import connectors

ROOT = Path(__file__).parents[2]
PACKAGES = (
    *("accounts", "bench", "chaos", "connectors", "guides", "monitor", "operating", "sameroom", "sandbox"),
    *("soak", "standalone", "stub", "tubes"),
)
KINDS = sorted(set(connectors()) - {"echo"})


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return [path for path in found if "migrations" not in path.parts]


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_the_relay_and_the_pages_name_no_service() -> None:
    shared = list((ROOT / "connectors").glob("*.py"))
    named = [
        f"{path.relative_to(ROOT)}: {kind}"
        for path in [
            *sources("tubes", "accounts", "guides", "operating"),
            *shared,
            *(ROOT / "templates").rglob("*.html"),
        ]
        if "sandbox" not in path.parts
        for kind in KINDS
        if f'"{kind}"' in path.read_text().lower() or f"'{kind}'" in path.read_text().lower()
    ]

    assert named == []


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("tubes/relay", ("tubes.services", "tubes.views", "tubes.tasks", "tubes.admin", "django.http")),
        ("tubes/models", ("tubes.relay", "tubes.services", "tubes.views")),
        ("tubes/services", ("tubes.views", "tubes.tasks", "tubes.admin", "django.http")),
        ("connectors", ("tubes", "accounts", "monitor")),
        ("guides", ("tubes", "accounts", "monitor", "sandbox")),
        ("tubes", ("operating",)),
        ("accounts", ("operating",)),
        ("operating", ("tubes.relay", "tubes.views", "tubes.tasks", "tubes.admin")),
        (
            "monitor",
            ("operating", "tubes.relay", "tubes.services", "tubes.views", "tubes.tasks", "tubes.admin"),
        ),
        ("sandbox", ("tubes", "accounts", "connectors")),
    ],
)
def test_imports_point_one_way(folder: str, forbidden: tuple[str, ...]) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(folder)
        for name in imports(path)
        if any(name == room or name.startswith(f"{room}.") for room in forbidden)
    ]

    assert wrong == []


def test_what_the_relay_counts_and_logs_with_knows_nothing_of_it() -> None:
    used = ("monitor.counting", "monitor.logs")
    reached = {
        name
        for path in sources("tubes/relay")
        for name in imports(path)
        if name.startswith("monitor.") and not name.startswith(used)
    }
    below = ("counting.py", "store.py", "logs.py", "scrubbing.py")
    known = {name.split(".")[0] for below_ in below for name in imports(ROOT / "monitor" / below_)}

    assert reached == set()
    assert known.isdisjoint({"tubes", "accounts"})


def test_only_services_and_the_relay_write_the_relays_rows() -> None:
    writes = (".save(", ".create(", ".bulk_create(", ".update(", ".get_or_create(", ".update_or_create(")
    wrong = [
        f"{path.relative_to(ROOT)}: {call}"
        for name in ("views*.py", "admin.py", "tasks.py", "forms.py")
        for app in ("tubes", "accounts")
        for path in (ROOT / app).glob(name)
        for call in writes
        if call in path.read_text()
    ]

    assert wrong == []


def test_modules_stay_short() -> None:
    long = [
        str(path.relative_to(ROOT)) for path in sources(*PACKAGES) if len(path.read_text().splitlines()) > 400
    ]

    assert long == []


def test_every_module_says_what_it_holds() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in sources(*PACKAGES)
        if path.name not in ("__init__.py", "apps.py") and not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert silent == []


def test_no_page_holds_inline_script_or_style() -> None:
    pages = [*(ROOT / "templates").rglob("*.html"), *ROOT.glob("*/*/templates/**/*.html")]
    wrong = [
        str(page.relative_to(ROOT))
        for page in pages
        if "style=" in page.read_text() or "<style" in page.read_text() or "<script>" in page.read_text()
    ]

    assert wrong == []
