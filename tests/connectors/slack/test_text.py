"""Blocks, attachments and mrkdwn as trees, and trees as what is posted."""

import pytest
from hypothesis import given, settings

from connectors.base import Login, OutgoingMessage
from connectors.markup import clean_document, commonmark, mrkdwn, normal_form, plain_text
from connectors.markup.tree import Document, Emoji, List, Mention, Paragraph, Text
from connectors.slack import text
from connectors.slack.connector import SlackConnector
from tests.connectors.trees import documents

NAMES = {"U1": "Ann", "C1": "lunch", "S1": "crew"}


def parsed(raw, *, by_app=False):
    return text.parse(raw, lambda id_: NAMES.get(id_, ""), by_app=by_app)


def shown(raw, *, by_app=False):
    """The tree as CommonMark: styles are to be seen in it."""
    return commonmark.render(parsed(raw, by_app=by_app)).replace("\u200b", "")


def rich(*elements):
    return {"text": "fallback", "blocks": [{"type": "rich_text", "elements": list(elements)}]}


def section(*elements):
    return {"type": "rich_text_section", "elements": list(elements)}


def word(said, **style):
    return {"type": "text", "text": said, **({"style": style} if style else {})}


def items(indent, *texts, style="bullet", **more):
    elements = [section(word(one)) for one in texts]
    return {"type": "rich_text_list", "style": style, "indent": indent, "elements": elements, **more}


def test_styles_links_and_code_are_read():
    said = section(
        word("bold", bold=True),
        word(" "),
        word("both", bold=True, italic=True),
        word(" "),
        word("gone", strike=True),
        word(" "),
        word("x = 1", code=True),
        word(" "),
        {"type": "link", "url": "https://example.org/", "text": "here"},
    )
    code = {"type": "rich_text_preformatted", "elements": [word("a\nb")]}
    quote = {"type": "rich_text_quote", "elements": [word("said\n\nbefore")]}

    assert shown(rich(said, code, quote)).split("\n") == [
        "**bold** _**both**_ ~~gone~~ `x = 1` [here](https://example.org/)",
        "",
        "```",
        "a",
        "b",
        "```",
        "",
        "> said",
        ">",
        "> before",
    ]


def test_lists_are_nested_by_their_indents():
    raw = rich(
        items(0, "one", "two"),
        items(1, "inside"),
        items(2, "deep", style="ordered"),
        items(0, "three"),
        items(0, "first", style="ordered", offset=4),
    )

    def line(said):
        return Paragraph((Text(said),))

    deep = List(((line("inside"), List(((line("deep"),),), ordered=True)),))
    bullets = List(((line("one"),), (line("two"), deep), (line("three"),)))
    assert parsed(raw) == Document((bullets, List(((line("first"),),), ordered=True, start=5)))


def test_people_channels_groups_and_everybody_have_names():
    raw = rich(
        section(
            {"type": "user", "user_id": "U1"},
            {"type": "user", "user_id": "U9"},
            {"type": "channel", "channel_id": "C1"},
            {"type": "usergroup", "usergroup_id": "S1"},
            {"type": "usergroup", "usergroup_id": "S9"},
            {"type": "broadcast", "range": "here"},
            {"type": "date", "timestamp": 1, "fallback": "1 May"},
            {"type": "date", "timestamp": 1714521600, "format": "{date_num}"},
            *({"type": "date", "timestamp": nonsense} for nonsense in (None, "1", True, -1, 10**11)),
            {"type": "color", "value": "#fff"},
            {"type": "something_new"},
        )
    )

    assert plain_text(parsed(raw)) == "@Ann@U9#lunch@crew@group@here1 May2024-05-01 00:00 UTC#fff"
    assert set(text.mentioned(raw)) == {"U1", "U9", "C1"}
    assert text.mentioned({"text": "<@U1> <#C1|> <!here> <@W2|x>"}) == ["U1", "C1", "W2"]


@pytest.mark.parametrize(
    ("told", "emoji"),
    [
        ({"name": "tada", "unicode": "1f389"}, Emoji("🎉", ":tada:")),
        ({"name": "wave", "unicode": "1f44b-1f3fc"}, Emoji("👋🏼", ":wave:")),
        ({"name": "tada"}, Emoji("🎉", ":tada:")),
        ({"name": "shipit"}, Emoji(":shipit:", ":shipit:")),
        ({"name": "odd", "unicode": "zz"}, Emoji(":odd:", ":odd:")),
    ],
)
def test_emoji_are_characters_where_there_is_one(told, emoji):
    assert parsed(rich(section({"type": "emoji", **told}))) == Document((Paragraph((emoji,)),))


def test_layout_blocks_of_apps_are_read():
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "Build *9*"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*failed* <https://x.org|log>"}},
        {
            "type": "section",
            "fields": [{"type": "mrkdwn", "text": "_who_"}, {"type": "plain_text", "text": "Ann"}],
        },
        {"type": "divider"},
        {"type": "image", "image_url": "https://x.org/a.png", "alt_text": "graph"},
        {
            "type": "context",
            "elements": [{"type": "plain_text", "text": "noon"}, {"type": "image", "image_url": "x"}],
        },
        {
            "type": "actions",
            "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Again"}}],
        },
    ]

    assert shown({"text": "Build failed", "blocks": blocks}, by_app=True).split("\n\n") == [
        "**Build \\*9\\***",
        "**failed** [log](https://x.org)",
        "*who*",
        "Ann",
        "[graph](https://x.org/a.png)",
        "noon",
    ]


def test_attachments_of_apps_are_quoted_and_unfurled_links_are_not():
    card = {"pretext": "New", "title": "Issue 1", "title_link": "https://x.org/1", "text": "*broken*"}
    fields = {"fields": [{"title": "Owner", "value": "Ann"}]}
    link = {"from_url": "https://x.org", "title": "X", "text": "about"}

    raw = {"text": "see", "attachments": [card, fields, link, {"fallback": "plain words"}]}
    assert shown(raw, by_app=True).split("\n") == [
        "see",
        "",
        "New",
        "",
        "> **[Issue 1](https://x.org/1)**",
        ">",
        "> **broken**",
        "",
        "> **Owner**",
        ">",
        "> Ann",
        "",
        "> plain words",
    ]
    assert shown(raw) == "see"


def test_text_is_read_where_blocks_say_nothing():
    assert shown({"text": "*hello*", "blocks": [{"type": "unheard_of"}]}, by_app=True) == "**hello**"
    assert shown({"text": "*hello*"}) == "**hello**"
    assert shown({}) == ""


@pytest.mark.parametrize(
    "raw",
    [
        {"text": 5, "blocks": 7, "attachments": "x"},
        {
            "blocks": [
                {"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": 5, "indent": "x"}]}
            ]
        },
        {"blocks": [{"type": "rich_text", "elements": [section({"type": "text"}, {"type": "link"}, {}, 5)]}]},
        {"blocks": [{"type": "section", "text": "words", "fields": [1]}], "attachments": [{"fields": [{}]}]},
    ],
)
def test_nonsense_says_nothing(raw):
    assert text.is_blank(parsed(raw, by_app=True))


def test_lists_that_go_very_deep_end_somewhere():
    deep = rich(*(items(depth, str(depth)) for depth in range(60)))

    assert "59" in plain_text(parsed(deep))


# ----------------------------------------------------------------- what is posted


def body(*inlines):
    return Document((Paragraph(inlines),))


def test_known_people_are_mentioned_and_others_named():
    said = OutgoingMessage("x", body(Mention("U1", "Ann"), Text(" "), Mention("@ann:example.org", "Ann")))

    assert text.rendered(said).replace("\u200b", "") == "<@U1> @Ann"


@pytest.mark.parametrize(("name", "word"), [("all", "channel"), ("everyone", "channel"), ("here", "here")])
def test_everybody_rings_only_where_that_is_let(name, word):
    said = body(Mention("", name), Text(" <!channel>"))

    assert text.rendered(OutgoingMessage("x", said)) == f"@{name} &lt;!channel&gt;"
    assert text.rendered(OutgoingMessage("x", said, rings_everybody=True)) == f"<!{word}> &lt;!channel&gt;"


def test_length_is_that_of_what_is_posted_whoever_is_known_there():
    connector = SlackConnector(Login("https://slack.com/api", {"token": "xoxb-1"}))

    for inlines, length in (
        ((Text("&" * 10),), 50),
        ((Mention("U1", "A" * 30),), 31),
        ((Mention("U123456789", "A"),), 13),
    ):
        assert connector.length(OutgoingMessage("x", body(*inlines))) == length


@settings(deadline=None, max_examples=60)
@given(documents)
def test_what_is_posted_rings_only_where_that_is_let(document):
    document = normal_form(clean_document(document))

    quiet = text.rendered(OutgoingMessage("", document))
    loud = text.rendered(OutgoingMessage("", document, rings_everybody=True))

    assert "<!" not in quiet
    assert "USAMEROOM" not in loud
    assert text.parse({"text": quiet}, lambda id_: "", by_app=False) == mrkdwn.parse(quiet)


def test_files_that_are_elsewhere_are_links_unless_the_text_has_them():
    file = {
        "id": "F1",
        "is_external": True,
        "title": "Plan",
        "url_private": "https://docs.example.org/d?a=1&b=2",
    }

    assert shown({"text": "see", "files": [file]}) == "see\n\n[Plan](https://docs.example.org/d?a=1\\&b=2)"
    assert shown({"text": "<https://docs.example.org/d?a=1&amp;b=2|it>", "files": [file]}).count("http") == 1


def test_what_is_forwarded_is_quoted_under_its_authors_name():
    one = {"is_share": True, "is_msg_unfurl": True, "from_url": "https://acme.slack.com/archives/C1/p1"}
    said = {**one, "author_name": "Bob", "text": "the *plan* of <@U1>", "fallback": "[1 May] bob: the plan"}
    pasted = {key: value for key, value in said.items() if key != "is_share"}

    assert shown({"text": "", "attachments": [said]}) == "> **Bob:**\n>\n> the **plan** of @Ann"
    assert shown({"text": "look", "attachments": [said, pasted]}).startswith("look\n\n> **Bob:**")
    assert shown({"text": "look", "attachments": [said, pasted]}).count("Bob") == 1
    assert (
        shown({"text": "", "attachments": [{**one, "fallback": "[1 May] bob: x"}]}) == r"> \[1 May\] bob: x"
    )
    assert shown({"text": "", "attachments": [{**one, "author_name": "Bob", "files": [{"id": "F1"}]}]}) == (
        "> **Bob:**"
    )
