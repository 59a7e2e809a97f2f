"""What the documents name is there: files, commands, targets, modules, scenarios, packages."""

import re
from importlib.metadata import distribution
from pathlib import Path

from django.core.management import get_commands

from bench.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
BUILT = ("staticfiles", "var")
FOLDERS = [folder for folder in ROOT.iterdir() if folder.is_dir() and folder.name[0] != "."]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(page for it in FOLDERS if it.name not in BUILT for page in it.rglob("*.md"))]
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"manage\.py (\w+)")
PIN = re.compile(r"^([\w-]+)(?:\[\w+\])?==([\w.]+)", re.MULTILINE)
TARGET = re.compile(r"`make ([a-z]+)\b")


def table(text: str, head: str) -> list[list[str]]:
    """The rows of the table that begins with this line, as their cells."""
    lines = text[text.index(head) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_links_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in LINK.findall(page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert len(PAGES) > 40
    assert broken == []


def test_commands_and_targets_exist() -> None:
    text = "".join(page.read_text() for page in PAGES)
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert {*COMMAND.findall(text)} - {*get_commands()} == set()
    assert {*TARGET.findall(text)} - {*targets} == set()


def test_architecture_has_a_place_for_every_module_of_the_relay() -> None:
    rows = table((ROOT / "docs" / "architecture.md").read_text(), "| step | module |")
    named = {name.split("/")[0] for _, modules, _ in rows for name in re.findall(r"`([\w/.]+)`", modules)}

    found = {path.stem for path in (ROOT / "tubes" / "relay").iterdir() if not path.name.startswith("__")}
    assert named - {"tubes"} == found


def test_bench_explains_every_scenario() -> None:
    rows = table((ROOT / "bench" / "README.md").read_text(), "| scenario |")

    assert {name for first, _ in rows for name in re.findall(r"`([\w-]+)`", first)} == {*SCENARIOS}


def pins(*files: str) -> dict[str, str]:
    """Package → version."""
    found = (PIN.findall((ROOT / file).read_text()) for file in files)
    return {name.lower().replace("_", "-"): version for lines in found for name, version in lines}


def dependencies() -> dict[str, str]:
    """Package → what the table says of its types."""
    text = (ROOT / "docs" / "dependencies.md").read_text()
    used, tests = text.split("For checks and tests:")
    rows = table(used, "| package | released |") + table(tests, "| package | released |")
    assert all(re.fullmatch(r"20\d\d-[01]\d", released) for _, released, _, _ in rows)
    return {re.split(r"[\[ ]", package)[0]: types for package, _, types, _ in rows}


def test_every_dependency_has_its_row_and_one_version() -> None:
    direct = pins("requirements.txt", "requirements-dev.txt")

    assert dependencies().keys() == direct.keys()
    assert direct.items() <= pins("constraints.txt").items()


def test_types_are_where_the_table_says() -> None:
    told = dependencies()
    shipped = {
        name: any(file.name == "py.typed" and len(file.parts) <= 3 for file in distribution(name).files or [])
        for name in told
    }

    assert {name for name, types in told.items() if types == "yes"} == {
        it for it, has in shipped.items() if has
    }
    assert set(told.values()) - {"yes", "no", "a program"} <= told.keys()
