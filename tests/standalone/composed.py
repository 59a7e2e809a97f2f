"""docker-compose.yml, Dockerfile and .dockerignore as data, and their services as processes of this machine.

What a container engine would do is done here as far as a process can: the files that the image would
hold, the variables and commands as they stand in the two files. Rewritten are only hosts, ports and the
two folders of the image.
"""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests import servers
from tests.standalone.conftest import ROOT

APP, VENV = "/app", "/venv"  # where the image has our files, and Python
VARIABLE = re.compile(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}")
INSTRUCTION = re.compile(r"^([A-Z]+) (.+)$")


def read(name: str) -> str:
    return (ROOT / name).read_text()


def compose() -> dict[str, Any]:
    """docker-compose.yml with its anchors resolved and its variables as they stand."""
    content: dict[str, Any] = yaml.safe_load(read("docker-compose.yml"))
    return content


def filled_in(value: Any, variables: dict[str, str]) -> Any:
    """The value with each ${NAME}, ${NAME:-default} and ${NAME:?refusal} replaced, as compose does."""

    def replace(found: re.Match[str]) -> str:
        name, how, text = found.groups()
        if how == ":?" and not variables.get(name):
            raise ValueError(text)
        return variables.get(name) or (text if how == ":-" else "")

    if isinstance(value, dict):
        return {key: filled_in(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [filled_in(item, variables) for item in value]
    return VARIABLE.sub(replace, value) if isinstance(value, str) else value


def seconds(text: str) -> float:
    """A duration of the compose file: 15s, 1m."""
    number, unit = text[:-1], text[-1]
    return float(number) * {"s": 1, "m": 60}[unit]


# ----------------------------------------------------------------- the image


def instructions(text: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, continued lines joined."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = map(INSTRUCTION.match, re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines())
    return [(match[1], match[2]) for match in found if match]


def last_stage() -> list[tuple[str, str]]:
    """What makes the image that runs; earlier stages leave behind only what it copies."""
    every = instructions(read("Dockerfile"))
    return every[max(number for number, (word, _) in enumerate(every) if word == "FROM") :]


def image_variables() -> dict[str, str]:
    """What ENV sets in the image."""
    words = " ".join(text for word, text in last_stage() if word == "ENV").split()
    return dict(word.split("=", 1) for word in words)


def left_out(path: str) -> bool:
    """Whether .dockerignore keeps this path out of the build: the last line that names it decides."""
    out = False
    for line in read(".dockerignore").splitlines():
        pattern = line.removeprefix("!")
        if not line or line.startswith("#"):
            continue
        parts = path.split("/")
        if any(_names(pattern, "/".join(parts[: end + 1])) for end in range(len(parts))):
            out = not line.startswith("!")
    return out


def _names(pattern: str, path: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(path.rpartition("/")[2], pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)


def copied(folder: Path) -> None:
    """`COPY . .`: the project without what .dockerignore names."""

    def ignored(place: str, names: list[str]) -> list[str]:
        inside = Path(place).relative_to(ROOT)
        return [name for name in names if left_out((inside / name).as_posix())]

    shutil.copytree(ROOT, folder, ignore=ignored)


def files(folder: Path, *, without: Iterable[str] = ()) -> dict[str, int]:
    """All files below, each with when it was last written."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in without
    }


# ----------------------------------------------------------------- its services


@dataclass
class Composed:
    """The services of docker-compose.yml as processes; `rewrite` gives our address for one of theirs."""

    folder: Path  # stands for /app
    operator: dict[str, str]  # the operator's .env
    rewrite: dict[str, str]
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def services(self) -> dict[str, Any]:
        services: dict[str, Any] = filled_in(compose()["services"], self.operator)
        return services

    def variables(self, service: str) -> dict[str, str]:
        """As compose puts them together: the image's, .env, `environment`; none of the tests' own."""
        image = {name: self._here(value) for name, value in image_variables().items()}
        image["PATH"] = image["PATH"].replace("$PATH", os.environ["PATH"])
        given = {name: self._here(value) for name, value in self.services[service]["environment"].items()}
        return image | self.operator | given

    def popen(self, service: str, command: list[str]) -> "subprocess.Popen[bytes]":
        """Start a command in the service's surroundings; what it says is added to its log."""
        with self.log(service).open("ab") as log:
            return subprocess.Popen(
                [self._here(word) for word in command],
                cwd=self.folder,
                env=self.variables(service),
                stdout=log,
                stderr=log,
                preexec_fn=servers.end_with_parent if sys.platform == "linux" else None,
            )

    def run(self, service: str, command: list[str], within: float = 120) -> int:
        """As `docker compose run`: the exit code."""
        return self.popen(service, command).wait(within)

    def start(self, service: str) -> None:
        self.running[service] = self.popen(service, self.services[service]["command"])

    def healthy(self, service: str) -> bool:
        """What its health check says; too late is no."""
        check = self.services[service]["healthcheck"]
        assert check["test"][0] == "CMD"
        asking = self.popen(service, check["test"][1:])
        try:
            return asking.wait(seconds(check["timeout"])) == 0
        except subprocess.TimeoutExpired:
            asking.kill()
            asking.wait()
            return False

    def wait_until_healthy(self, service: str, within: float = 120) -> None:
        end = time.monotonic() + within
        while not self.healthy(service):
            assert self.running[service].poll() is None, self.said(service)
            assert time.monotonic() < end, self.said(service)

    def stop(self) -> dict[str, int]:
        """SIGTERM to all, as `docker compose stop`: exit codes. Past its grace period TimeoutExpired."""
        begun = time.monotonic()
        for process in self.running.values():
            process.terminate()
        return {
            service: process.wait(begun + self.grace(service) - time.monotonic())
            for service, process in self.running.items()
        }

    def grace(self, service: str) -> float:
        return seconds(self.services[service]["stop_grace_period"])

    def kill(self) -> None:
        """Whatever a failed test has left running."""
        for process in self.running.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def log(self, service: str) -> Path:
        return self.folder.with_name(f"{service}.log")

    def said(self, service: str) -> str:
        return self.log(service).read_text() if self.log(service).exists() else ""

    def _here(self, text: str) -> str:
        for there, here in {**self.rewrite, VENV: sys.prefix, APP: str(self.folder)}.items():
            text = re.sub(rf"(?<![\w.]){re.escape(there)}(?!\w)", here, text)
        return text
