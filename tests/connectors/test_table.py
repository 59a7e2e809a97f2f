from dataclasses import replace
from pathlib import Path

from connectors.base import Capabilities, Support
from connectors.hipchat.connector import HipChatConnector
from connectors.irc.connector import IrcConnector
from connectors.matrix.connector import MatrixConnector
from connectors.slack.connector import SlackConnector
from connectors.table import ROWS, table

DOCS = Path(__file__).resolve().parents[2] / "docs"


def told(can: Capabilities) -> dict[str, str]:
    return {title: tell(can) for title, tell in ROWS}


def test_the_table_in_the_docs_is_the_one_that_is_printed() -> None:
    assert (
        table([HipChatConnector, MatrixConnector, IrcConnector, SlackConnector])
        in (DOCS / "connectors.md").read_text()
    )


def test_every_way_is_told() -> None:
    can = Capabilities(max_text_length=10, limit=None, edits=Support.NATIVE, edit_age=60)

    assert told(can)["edits"] == "60 s long, then told by a line"
    assert told(replace(can, edits=Support.NONE))["edits"] == "left out"
    assert told(replace(can, idempotency_life=9.5))["recognises a repeated send"] == "for 9.5 s"
    assert (told(can)["requests of one login"], told(can)["files"]) == ("none known", "told by a line")
