"""What the documents name is there: files, commands, targets, modules, scenarios, packages."""

import re
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
