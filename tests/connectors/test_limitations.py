"""What the help page says a service cannot do: a sentence for every capability that people notice."""

from dataclasses import fields, replace

import pytest

from connectors.base import Capabilities, Reading, Support
from connectors.budget import Limit
from connectors.limitations import Limitation, limitations, unlimited

ABLE = Capabilities(
    max_text_length=10_000,
    limit=None,
    reading=Reading.STREAM,
    history=True,
    rich=True,
    sender_override=Support.NATIVE,
    edits=Support.NATIVE,
    deletes=Support.NATIVE,
    replies=Support.NATIVE,
    reactions=Support.NATIVE,
    files=Support.NATIVE,
    max_file_size=50 * 1024**2,
    addresses=True,
    creates_rooms=True,
)
UNABLE = Capabilities(
    max_text_length=400,
    limit=Limit(requests=100, seconds=300),
    message_ids=False,
    one_line=True,
    edits=Support.NONE,
    deletes=Support.NONE,
    replies=Support.NONE,
    reactions=Support.NONE,
    files=Support.NONE,
    names_are_owned=False,
    lists_all=False,
)
# What changes nothing for people, or is no limitation.
NOT_NOTICED = {
    *("global_ids", "fastest_poll", "send_deadline", "file_deadline", "apps", "sends_by_session"),
    "entering_proves",
    "one_address",
}
# A change of each other one, and the service at which it is noticed.
NOTICED = {
    "max_text_length": (ABLE, 99),
    "limit": (ABLE, Limit(requests=1, seconds=1)),
    "reading": (ABLE, Reading.POLL),
    "history": (ABLE, False),
    "message_ids": (ABLE, False),
    "hooks": (UNABLE, True),
    "sender_override": (ABLE, Support.NONE),
    "names_files": (ABLE, False),
    "idempotency_life": (UNABLE, 60.0),
    "edit_age": (ABLE, 900.0),
    "edits": (ABLE, Support.IMITATED),
    "deletes": (ABLE, Support.IMITATED),
    "replies": (ABLE, Support.IMITATED),
    "reactions": (ABLE, Support.IMITATED),
    "files": (ABLE, Support.IMITATED),
    "max_file_size": (ABLE, 1024**2),
    "lists_all": (ABLE, False),
    "addresses": (ABLE, False),
    "creates_rooms": (ABLE, False),
    "rich": (ABLE, False),
    "one_line": (ABLE, True),
    "names_are_owned": (ABLE, False),
}


def test_every_capability_is_told_of_or_known_to_be_unnoticed():
    assert {field.name for field in fields(Capabilities)} == NOT_NOTICED | NOTICED.keys()


@pytest.mark.parametrize("name", NOTICED)
def test_capability_changes_what_is_told(name):
    service, value = NOTICED[name]

    assert limitations(replace(service, **{name: value})) != limitations(service)


def test_service_that_can_all_has_only_its_sizes_as_limits():
    assert limitations(ABLE) == [
        Limitation(
            "Names",
            "Messages stand under their authors’ own names only where the login may do that; else the linked "
            "account posts, with the author’s name before the text.",
        ),
        Limitation("Length", "A post has 10,000 characters at the most; a longer text comes in parts."),
        Limitation(
            "Files",
            "A file is posted as one up to 50 MiB, or less where the server allows less. Of a larger one the "
            "name is told, with its address or size.",
        ),
    ]
    assert unlimited(ABLE) == ["formatting", "edits", "deletions", "answers", "reactions"]


def test_service_that_can_nothing_says_what_is_lost():
    told = {one.subject: one.text for one in limitations(UNABLE)}

    assert told["Edits"] == "What somebody changes afterwards does not arrive."
    assert told["Files"] == "Files do not arrive."
    assert told["How much"].startswith("One login may make 100 requests in 5 minutes.")
    assert told["Absence"] == "What is said there while our connection is away is not read afterwards."
    assert unlimited(UNABLE) == []


def test_times_are_told_in_the_unit_that_fits():
    ages = {60.0: "1 minute", 900.0: "15 minutes", 172_800.0: "2 days", 90.0: "90 seconds", 1.0: "1 second"}

    for age, words in ages.items():
        [edits] = [one.text for one in limitations(replace(ABLE, edit_age=age)) if one.subject == "Edits"]
        assert (
            edits == f"A post can be changed for {words}; after that the new text is posted below, marked ✎."
        )
