"""The pages, and the fake as a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from slack_sdk import WebClient

from tests.fakeslack.conftest import Office
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parent.parent.parent


def test_what_stands_in_a_channel_is_shown(office: Office, client: WebClient) -> None:
    said = office.slack.say(office.room, office.ann, "a < b")
    office.slack.react(said, office.bob, "tada")
    office.slack.reply(said, office.bob, "a reply")
    client.chat_postMessage(channel=office.room.id, text="from afar", username="Carol <irc>")

    listed = requests.get(f"{office.slack.url}/client", timeout=30).text
    page = requests.get(f"{office.slack.url}/client/{office.room.id}", timeout=30).text

    assert f'<a href="/client/{office.room.id}">#talk</a>' in listed
    assert "<b>ann</b> a &lt; b <small>:tada: 1</small><ul><li><b>bob</b> a reply</li></ul>" in page
    assert "<b>Carol &lt;irc&gt;</b> from afar" in page
    assert requests.get(f"{office.slack.url}/client/C0", timeout=30).status_code == 404


def test_somebody_talks_by_the_page(office: Office) -> None:
    other = office.slack.channel("other", office.ann)
    url = f"{office.slack.url}/client/{other.id}"

    requests.post(url, data={"add": office.bot.user.id}, timeout=30)
    requests.post(url, data={"user": office.ann.id, "text": "1 < 2"}, timeout=30)

    assert office.bot.user in other.members
    assert office.slack.texts(other) == ["1 &lt; 2"]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.fakeslack", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_it_runs_by_itself(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    [talk] = re.findall(r"http\S+", process.stdout.readline())

    assert "#general" in requests.get(talk, timeout=30).text
    process.terminate()
    assert process.wait(PATIENCE) == 0
