"""What a variable is called stands in settings.py, .env.example and docker-compose.yml: they agree."""

import re

from tests.standalone.conftest import ROOT

CALL = re.compile(r'(?:\benv(?:\.\w+)?|\brequired|\bone_of)\(\s*"([A-Z][A-Z0-9_]+)"')
LINE = re.compile(r"^#?([A-Z][A-Z0-9_]+)=", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text()


def used_by_settings() -> set[str]:
    return set(CALL.findall(read("sameroom/settings.py") + read("sameroom/env.py")))


def test_example_explains_every_variable_and_no_other() -> None:
    by_compose = set(re.findall(r"\$\{([A-Z_]+)", read("docker-compose.yml"))) - used_by_settings()

    explained = LINE.findall(read(".env.example"))

    assert len(explained) == len(set(explained))
    assert set(explained) == used_by_settings() | by_compose
    assert by_compose == {"POSTGRES_PASSWORD"}


def test_example_copied_as_it_is_changes_nothing() -> None:
    assert [line for line in read(".env.example").splitlines() if line and not line.startswith("#")] == []
