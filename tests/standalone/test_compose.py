"""docker-compose.yml and Dockerfile say what the code does, and what they say works: it is run."""

import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import yaml
from cryptography.fernet import Fernet
from django.conf import settings

from connectors.registry import connectors
from standalone import gunicorn_conf, processes
from tests import servers
from tests.standalone import composed
from tests.standalone.composed import Composed, compose, read
from tests.standalone.conftest import left_behind
from tests.standalone.test_environment import LINE, used_by_settings

OURS = ("migrate", "web", "worker", "listener", "beat")
STAYING = ("web", "worker", "listener", "beat")
IMAGES_OWN = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"}  # read by the image of PostgreSQL
LIBPQ = {"PGPASSWORD"}


def services() -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"]
    return found


# ----------------------------------------------------------------- what is written


def test_services_get_only_variables_that_somebody_reads() -> None:
    for name in OURS:
        assert set(services()[name]["environment"]) <= used_by_settings() | LIBPQ
        assert services()[name]["env_file"] == ".env"
    assert set(services()["postgres"]["environment"]) == IMAGES_OWN


def test_variables_to_fill_in_are_explained_in_the_example() -> None:
    wanted = {name for name, _, _ in composed.VARIABLE.findall(read("docker-compose.yml"))}

    assert wanted <= set(LINE.findall(read(".env.example")))


def test_a_missing_password_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"^set POSTGRES_PASSWORD in \.env$"):
        composed.filled_in(services(), {})


def test_commands_are_those_that_make_run_runs() -> None:
    found = {name: services()[name]["command"] for name in OURS}

    assert found == {
        "migrate": ["python", "manage.py", "migrate", "--no-input"],
        "web": [*processes.WEB, "--bind", "0.0.0.0:8000"],
        "worker": list(processes.WORKER),
        "listener": ["python", "manage.py", *processes.LISTENER[1:]],
        "beat": list(processes.BEAT),
    }


def test_everything_that_stays_has_a_health_check() -> None:
    assert {name: service.get("healthcheck", {}).get("test") for name, service in services().items()} == {
        "migrate": None,
        "web": ["CMD", "python", "-m", "standalone.health", "web", "8000"],
        "worker": ["CMD", "python", "-m", "standalone.health", "worker"],
        "listener": ["CMD", "python", "-m", "standalone.health", "listener"],
        "beat": ["CMD", "python", "-m", "standalone.health", "beat"],
        "postgres": ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "sameroom", "-d", "sameroom"],
        "redis": ["CMD", "redis-cli", "ping"],
    }


def test_services_wait_for_what_they_need() -> None:
    stores = {"postgres": {"condition": "service_healthy"}, "redis": {"condition": "service_healthy"}}
    ready = {**stores, "migrate": {"condition": "service_completed_successfully"}}

    assert {name: service.get("depends_on") for name, service in services().items()} == {
        "migrate": {"postgres": stores["postgres"]},
        **dict.fromkeys(STAYING, ready),
        "postgres": None,
        "redis": None,
    }
    # What has to complete must not be started again, what has to stay up must.
    assert {name: service["restart"] for name, service in services().items()} == {
        "migrate": "no",
        **dict.fromkeys((*STAYING, "postgres", "redis"), "unless-stopped"),
    }


def test_nothing_runs_as_root_or_may_become_it() -> None:
    assert {name: service["user"] for name, service in services().items()} == {
        **dict.fromkeys(OURS, "sameroom"),
        "postgres": "postgres",
        "redis": "redis",
    }
    for service in services().values():
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["cap_drop"] == ["ALL"]
        assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service)
    assert [text for word, text in composed.last_stage() if word == "USER"] == ["sameroom"]


def test_only_data_can_be_written_and_it_is_kept() -> None:
    content = compose()

    assert {name: service.get("volumes") for name, service in services().items()} == {
        **{name: ["var:/app/var"] for name in OURS},
        "postgres": ["database:/var/lib/postgresql"],
        "redis": None,
    }
    assert set(content["volumes"]) == {"var", "database"}
    assert composed.image_variables()["VAR_DIR"] == "/app/var"
    assert [name for name, service in services().items() if not service.get("read_only")] == ["postgres"]
    for name in OURS:
        assert services()[name]["tmpfs"] == ["/tmp"]
        assert services()[name]["init"] is True


def test_only_the_web_is_published_and_only_to_this_machine() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}

    assert published == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}


def test_logs_do_not_fill_the_disk() -> None:
    for service in services().values():
        assert service["logging"]["driver"] == "json-file"
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}


def test_images_are_pinned_to_where_updates_are_repairs() -> None:
    foreign = {service["image"] for service in services().values() if not service.get("build")}
    bases = {text.split()[0] for word, text in composed.instructions(read("Dockerfile")) if word == "FROM"}

    assert foreign == {"postgres:18-bookworm", "redis:8.2-bookworm"}
    assert bases == {"python:3.13-slim-bookworm"}


def test_grace_outlasts_the_longest_request() -> None:
    grace = {name: composed.seconds(service["stop_grace_period"]) for name, service in services().items()}

    assert grace["web"] > gunicorn_conf.graceful_timeout
    capabilities = [connector.capabilities for connector in connectors().values()]
    for name, by_session in (("worker", False), ("listener", True)):
        mine = [can for can in capabilities if can.sends_by_session is by_session]
        assert grace[name] > max(can.send_deadline for can in mine)


def test_postgres_has_the_connections_of_eight_workers() -> None:
    [most] = [word for word in services()["postgres"]["command"] if word.startswith("max_connections=")]
    [pool] = re.findall(r'"DATABASE_POOL_SIZE", default=(\d+)', read("sameroom/settings.py"))

    most_processes = settings.WEB_PROCESSES + 8

    # PostgreSQL keeps 3 for its superuser; the rest is for commands and for who looks into it.
    assert int(most.partition("=")[2]) >= most_processes * int(pool) + 3 + 10


def test_image_runs_as_the_compose_file_does() -> None:
    stage = dict(composed.last_stage())

    assert yaml.safe_load(stage["CMD"]) == services()["web"]["command"]
    assert stage["EXPOSE"] == services()["web"]["ports"][0].rpartition(":")[2]
    assert stage["VOLUME"] == "/app/var"
    assert stage["WORKDIR"] == composed.APP


def test_image_holds_every_application_and_nothing_private() -> None:
    shared = set(settings.INSTALLED_APPS) - set(settings.CONNECTOR_APPS)
    own = {app.split(".")[0] for app in shared if (composed.ROOT / app.split(".")[0]).is_dir()}
    needed = {*own, "sameroom", "templates", "static", "manage.py", "requirements.txt", "constraints.txt"}
    private = {
        ".env",
        ".env.bak",
        ".git/config",
        "var/local-keys.env",
        "dump.sql",
        "id_ed25519",
        "tests/run.py",
    }

    assert {path for path in needed if composed.left_out(path)} == set()
    assert {path for path in private if not composed.left_out(path)} == set()
    assert composed.left_out("tubes/relay/__pycache__/bell.cpython-313.pyc")
    assert not composed.left_out("tubes/relay/bell.py")
    words = " ".join(
        text for word, text in composed.instructions(read("Dockerfile")) if word in ("ENV", "ARG")
    )
    assert not re.search(r"SECRET|KEY|PASSWORD|TOKEN", words)


# ----------------------------------------------------------------- and what it does


@pytest.fixture
def operator() -> dict[str, str]:
    """The .env of somebody who looks at Sameroom without a mail server and a web server in front."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "PUBLIC_URL": f"http://127.0.0.1:{servers.free_port()}",
        "POSTGRES_PASSWORD": "p@ss/w#rd:" + secrets.token_urlsafe(9),
        "EMAIL_VERIFICATION": "none",
        "SANDBOX": "1",
        "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
    }


@pytest.fixture
def project(tmp_path: Path, operator: dict[str, str]) -> Iterator[Composed]:
    """The image's files and the stores, as the two files describe them; no service of ours runs yet."""
    words = services()["postgres"]["command"]
    assert words[0] == "postgres"
    assert words[1::2] == ["-c"] * len(words[1::2])
    with (
        servers.postgres(**dict(word.split("=") for word in words[2::2])) as database,
        servers.redis() as broker,
    ):
        port = operator["PUBLIC_URL"].rpartition(":")[2]
        rewrite = {
            "postgres:5432": database.url.split("@")[1].split("/")[0],
            "redis:6379": broker.url.removeprefix("redis://"),
            "0.0.0.0:8000": f"127.0.0.1:{port}",
            "8000": port,
        }
        made = Composed(tmp_path / "app", operator, rewrite)
        _create_database(database.url, services()["postgres"]["environment"])
        composed.copied(made.folder)
        _build_static_files(made)
        yield made
        made.kill()


def _create_database(url: str, variables: dict[str, str]) -> None:
    """As the image does on its first start; whom it is for is the one who made the server."""
    assert variables["POSTGRES_USER"] == "sameroom"
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {variables['POSTGRES_DB']}")
    connection.close()


def _build_static_files(made: Composed) -> None:
    """The Dockerfile's own line, in the surroundings it has there: without a word of the operator's."""
    [build] = [text for word, text in composed.last_stage() if word == "RUN" and "collectstatic" in text]
    image = Composed(made.folder, {"POSTGRES_PASSWORD": "none"}, {})
    variables = {
        name: value for name, value in image.variables("web").items() if name in composed.image_variables()
    }
    subprocess.run(["sh", "-c", build], cwd=made.folder, env=variables, check=True)


@pytest.mark.xdist_group("servers")
def test_services_start_talk_and_stop(project: Composed) -> None:
    before = composed.files(project.folder, without=["var"])
    assert "staticfiles/staticfiles.json" in before

    assert project.run("migrate", project.services["migrate"]["command"]) == 0, project.said("migrate")
    for service in STAYING:
        project.start(service)
    for service in STAYING:
        project.wait_until_healthy(service)
    demo = ["python", "manage.py", "demo", "--url", project.operator["PUBLIC_URL"], "--count", "3"]
    assert project.run("web", demo) == 0, project.said("web")
    assert "Done: both directions arrived." in project.said("web")

    everybody = [child for name in STAYING for child in _family(project.running[name].pid)]
    assert project.stop() == dict.fromkeys(STAYING, 0), [project.said(name) for name in STAYING]
    assert left_behind(everybody) == []
    assert not project.healthy("web")
    for service in OURS:
        assert "Traceback" not in project.said(service), project.said(service)
        assert project.operator["POSTGRES_PASSWORD"] not in project.said(service)
    # The containers' root is read-only: nothing may want to write outside the volume.
    assert composed.files(project.folder, without=["var"]) == before


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
