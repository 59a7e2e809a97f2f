"""What a variable is called stands in settings.py, .env.example and docker-compose.yml: they agree."""

import importlib.util
import re
from typing import Any

import yaml

from standalone import processes
from tests.standalone.conftest import ROOT

CALL = re.compile(r'(?:\benv(?:\.\w+)?|\brequired|\bone_of)\(\s*"([A-Z][A-Z0-9_]+)"')
LINE = re.compile(r"^#?([A-Z][A-Z0-9_]+)=", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text()


def used_by_settings() -> set[str]:
    return set(CALL.findall(read("sameroom/settings.py") + read("sameroom/env.py")))


def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(read("docker-compose.yml"))
    return content


def test_example_explains_every_variable_and_no_other() -> None:
    by_compose = set(re.findall(r"\$\{([A-Z_]+)", read("docker-compose.yml"))) - used_by_settings()

    explained = LINE.findall(read(".env.example"))

    assert len(explained) == len(set(explained))
    assert set(explained) == used_by_settings() | by_compose
    assert by_compose == {"POSTGRES_PASSWORD"}


def test_example_copied_as_it_is_changes_nothing() -> None:
    assert [line for line in read(".env.example").splitlines() if line and not line.startswith("#")] == []


def test_compose_gives_only_variables_that_settings_read() -> None:
    services = compose()["services"]

    ours = {name: service for name, service in services.items() if service.get("build")}

    assert sorted(ours) == ["beat", "migrate", "web", "worker"]
    for service in ours.values():
        assert set(service["environment"]) <= used_by_settings()
        assert service["env_file"] == ".env"


def test_compose_runs_the_commands_that_make_run_runs() -> None:
    services = compose()["services"]

    assert services["web"]["command"] == [*processes.WEB, "--bind", "0.0.0.0:8000"]
    assert services["worker"]["command"] == list(processes.WORKER)
    assert services["beat"]["command"] == list(processes.BEAT)
    assert services["migrate"]["command"][:3] == ["python", "manage.py", "migrate"]


def test_compose_checks_the_health_of_everything_that_stays() -> None:
    services = compose()["services"]

    checked = {
        name: service["healthcheck"]["test"] for name, service in services.items() if name != "migrate"
    }

    for name in ("web", "worker", "beat"):
        assert checked[name] == ["CMD", "python", "-m", "standalone.health", name]
    assert importlib.util.find_spec("standalone.health")
    assert checked["postgres"][1] == "pg_isready"
    assert checked["redis"][1] == "redis-cli"
    waits = services["web"]["depends_on"]
    assert {name: wait["condition"] for name, wait in waits.items()} == {
        "postgres": "service_healthy",
        "redis": "service_healthy",
        "migrate": "service_completed_successfully",
    }


def test_nothing_runs_as_root_and_data_is_kept() -> None:
    content = compose()

    assert {name: service.get("user") for name, service in content["services"].items()} == {
        **dict.fromkeys(("migrate", "web", "worker", "beat"), "sameroom"),
        "postgres": "postgres",
        "redis": "redis",
    }
    mounted = [
        volume.split(":")[0]
        for service in content["services"].values()
        for volume in service.get("volumes", [])
    ]
    assert set(mounted) == set(content["volumes"])
    assert "USER sameroom" in read("Dockerfile")


def test_image_holds_what_the_commands_need_and_no_secret() -> None:
    dockerfile, ignored = read("Dockerfile"), read(".dockerignore").split()

    assert re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) == ["python:3.13-slim-bookworm"] * 2
    assert "collectstatic" in dockerfile
    assert {".env", "var", ".git", ".venv"} <= set(ignored)
    needed = {"manage.py", "sameroom", "standalone", "templates", "static", "requirements.txt"}
    assert needed.isdisjoint(ignored)
