"""Files up and down, as slack-sdk meets them."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from slack_sdk import WebClient

from tests.fakeslack.asking import refusal
from tests.fakeslack.conftest import Office
from tests.fakeslack.receiver import Receiver
from tests.waiting import until


def begin(client: WebClient, content: bytes, name: str = "a.txt") -> tuple[str, str]:
    told = client.files_getUploadURLExternal(filename=name, length=len(content))
    return told["file_id"], told["upload_url"]


def shared(client: WebClient, file_id: str) -> dict[str, Any]:
    """Where a file was shared, as soon as it was."""
    return dict(until(lambda: client.files_info(file=file_id)["file"]["shares"]))


def test_slack_sdk_uploads(office: Office, client: WebClient) -> None:
    told = client.files_upload_v2(
        channel=office.room.id, filename="notes.txt", content="hello", title="Notes", initial_comment="a < b"
    )

    file_id = told["files"][0]["id"]
    [share] = shared(client, file_id)["public"][office.room.id]
    [message] = client.conversations_history(channel=office.room.id)["messages"]
    assert message["ts"] == share["ts"]
    assert (message["text"], message["subtype"]) == ("a &lt; b", "file_share")
    assert (message["user"], message["bot_id"]) == (office.bot.user.id, office.bot.id)
    file = message["files"][0]
    assert (file["name"], file["title"], file["mimetype"], file["size"]) == (
        "notes.txt",
        "Notes",
        "text/plain",
        5,
    )
    headers = {"Authorization": f"Bearer {office.token.value}"}
    for address in (file["url_private"], file["url_private_download"]):
        assert requests.get(address, headers=headers, timeout=30).content == b"hello"


def test_the_answer_comes_before_the_message(office: Office, client: WebClient) -> None:
    office.slack.core.files.is_held = True
    file_id, url = begin(client, b"hello")
    assert requests.post(url, data=b"hello", timeout=30).text == "OK - 5"

    told = client.files_completeUploadExternal(files=[{"id": file_id}], channel_id=office.room.id)["files"][0]

    assert (told["shares"], told["mimetype"]) == ({}, "")
    assert office.slack.history(office.room) == []
    office.slack.core.files.is_held = False
    assert shared(client, file_id)["public"][office.room.id]


def test_a_file_in_a_thread(office: Office, client: WebClient) -> None:
    parent = office.slack.say(office.room, office.ann, "parent")

    file_id = client.files_upload_v2(channel=office.room.id, content="x", filename="a", thread_ts=parent.ts)[
        "file"
    ]["id"]

    [share] = shared(client, file_id)["public"][office.room.id]
    assert share["thread_ts"] == parent.ts
    assert [one["text"] for one in client.conversations_history(channel=office.room.id)["messages"]] == [
        "parent"
    ]


def test_several_files_are_one_message(office: Office, client: WebClient) -> None:
    told = client.files_upload_v2(
        channel=office.room.id,
        file_uploads=[{"filename": "a.txt", "content": "a"}, {"filename": "b.png", "content": b"b"}],
    )
    shared(client, told["files"][1]["id"])

    [message] = office.slack.history(office.room)
    assert [file.name for file in message.files] == ["a.txt", "b.png"]


def test_a_form_is_an_upload_too(office: Office, client: WebClient) -> None:
    file_id, url = begin(client, b"hello")

    assert requests.post(url, files={"file": b"hello"}, timeout=30).status_code == 200
    assert office.slack.core.world.files[file_id].content == b"hello"


def test_what_an_upload_is_refused_for(office: Office, client: WebClient) -> None:
    where = office.slack.channel("elsewhere", office.ann)
    file_id, url = begin(client, b"hello")
    complete = client.files_completeUploadExternal

    assert refusal(client.files_getUploadURLExternal, filename="a", length=0) == "missing_argument"
    assert refusal(client.files_getUploadURLExternal, filename="a", length=2_000_000_000) == (
        "file_upload_size_restricted"
    )
    assert refusal(complete, files=[{"id": file_id}], channel_id=office.room.id) == "file_not_found"
    assert requests.post(url, data=b"hell", timeout=30).status_code == 400
    assert requests.post(url, data=b"hello", timeout=30).status_code == 200
    assert requests.post(url, data=b"hello", timeout=30).status_code == 404
    assert refusal(complete, files=[{"id": file_id}], channel_id=office.ann.id) == "invalid_arguments"
    assert refusal(complete, files=[{"id": file_id}], channel_id="C0NOWHERE00") == "channel_not_found"
    assert refusal(complete, files=[{"id": file_id}], channel_id=where.id) == "not_in_channel"
    assert (
        refusal(complete, files=[{"id": file_id}], channel_id=office.room.id, thread_ts="1.000001")
        == "invalid_thread_ts"
    )


def test_somebody_shows_a_file(office: Office, receiver: Receiver) -> None:
    office.slack.upload(office.room, office.ann, "cat.png", b"\x89PNG", "look")

    event = receiver.event(subtype="file_share")
    assert (event["text"], event["user"], event["upload"]) == ("look", office.ann.id, False)
    assert (event["files"][0]["name"], event["files"][0]["mimetype"]) == ("cat.png", "image/png")
    told = receiver.event("file_shared")
    assert (told["file_id"], told["channel_id"]) == (event["files"][0]["id"], office.room.id)


@pytest.mark.parametrize(
    ("names", "fields"), [("user", {"user"}), ("bot", {"bot_id"}), ("both", {"user", "bot_id"})]
)
def test_what_names_the_author_of_a_bots_upload(
    office: Office, client: WebClient, receiver: Receiver, names: str, fields: set[str]
) -> None:
    office.slack.core.world.bot_uploads = names
    client.files_upload_v2(channel=office.room.id, filename="a.txt", content="a")

    event = receiver.event(subtype="file_share")
    assert {"user", "bot_id"} & {*event} == fields
    client.chat_delete(channel=office.room.id, ts=event["ts"])


def test_a_file_in_a_shared_channel_has_to_be_asked_for(
    office: Office, client: WebClient, receiver: Receiver
) -> None:
    office.slack.connect(office.room, office.slack.workspace("Other"))
    office.slack.upload(office.room, office.ann, "cat.png", b"\x89PNG", "look")

    [told] = receiver.event(subtype="file_share")["files"]
    assert (told["file_access"], "url_private" in told) == ("check_file_info", False)
    assert client.files_info(file=told["id"])["file"]["name"] == "cat.png"
    [kept] = client.conversations_history(channel=office.room.id)["messages"]
    assert kept["files"][0]["name"] == "cat.png"


def test_a_deleted_file_leaves_a_tombstone(office: Office, client: WebClient, receiver: Receiver) -> None:
    file = office.slack.upload(office.room, office.ann, "cat.png", b"\x89PNG").files[0]
    assert refusal(client.files_delete, file=file.id) == "cant_delete_file"

    office.slack.delete_file(file)

    changed = receiver.event(subtype="message_changed")
    assert changed["message"]["files"] == [{"id": file.id, "mode": "tombstone"}]
    assert changed["previous_message"]["files"][0]["name"] == "cat.png"
    assert receiver.event("file_deleted")["file_id"] == file.id
    assert refusal(client.files_info, file=file.id) == "file_deleted"


def test_a_file_that_is_elsewhere(office: Office, client: WebClient, receiver: Receiver) -> None:
    address = "https://docs.example.org/plan"
    office.slack.upload_link(office.room, office.ann, "plan", address)

    [told] = receiver.event(subtype="file_share")["files"]
    assert (told["mode"], told["is_external"], told["url_private"]) == ("external", True, address)
    assert "url_private_download" not in told
    assert client.files_info(file=told["id"])["file"]["external_url"] == address


def test_a_file_that_is_too_old_to_be_seen(office: Office, client: WebClient) -> None:
    file = office.slack.upload(office.room, office.ann, "cat.png", b"\x89PNG").files[0]
    office.slack.hide_file(file)

    [message] = client.conversations_history(channel=office.room.id)["messages"]
    assert message["files"] == [{"id": file.id, "mode": "hidden_by_limit"}]


@pytest.mark.parametrize("token", ["", "xoxb-nobody"])
def test_a_download_without_a_good_token_ends_on_a_page(office: Office, token: str) -> None:
    file = office.slack.upload(office.room, office.ann, "cat.png", b"\x89PNG").files[0]
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    answer = requests.get(file.url, headers=headers, timeout=30)

    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    assert b"PNG" not in answer.content


def test_files_of_channels_that_one_does_not_see(office: Office, client: WebClient) -> None:
    secret = office.slack.channel("secret", office.ann, is_private=True)
    file = office.slack.upload(secret, office.ann, "cat.png", b"\x89PNG").files[0]
    headers = {"Authorization": f"Bearer {office.token.value}"}

    assert refusal(client.files_info, file=file.id) == "file_not_found"
    assert requests.get(file.url, headers=headers, timeout=30).status_code == 404


def test_transfers_can_go_wrong(office: Office, client: WebClient) -> None:
    file = office.slack.upload(office.room, office.ann, "cat.png", b"\x89PNG").files[0]
    headers = {"Authorization": f"Bearer {office.token.value}"}
    _, url = begin(client, b"hello")
    for kind, what in (
        ("status", "upload"),
        ("reset", "upload"),
        ("status", "download"),
        ("reset", "download"),
    ):
        office.slack.fault(kind, on=what, count=1)

    assert requests.post(url, data=b"hello", timeout=30).status_code == 500
    with pytest.raises(requests.ConnectionError):
        requests.post(url, data=b"hello", timeout=30)
    assert requests.get(file.url, headers=headers, timeout=30).status_code == 500
    with pytest.raises(requests.ConnectionError):
        requests.get(file.url, headers=headers, timeout=30)
    assert requests.post(url, data=b"hello", timeout=30).status_code == 200
