import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.hipchat import emoticons, text
from connectors.hipchat.mentions import ids_of
from connectors.markup import plain
from connectors.markup.sanitize import clean_text
from connectors.markup.tree import (
    CodeBlock,
    Document,
    Emoji,
    Inline,
    Italic,
    Link,
    Mention,
    Paragraph,
    Quote,
    Text,
    normal_form,
)
from tests.connectors.hipchat.items import ANN, BO
from tests.connectors.test_markup_html import growth

anything = st.text() | st.text(st.sampled_from("a/@:(){}heart me\n\u200bs*é"))


def parse(typed: str, mentions: object = ()) -> Document:
    return text.parse(typed, ids_of(list(mentions)))  # type: ignore[call-overload]


def line(*inlines: Inline) -> Document:
    return Document((Paragraph(inlines),))


# ------------------------------------------------------------------ slash commands


@pytest.mark.parametrize(
    "typed", ["/me waves", "/em waves", "/me\nwaves", "/me\u00a0waves", "/em\ufeffwaves"]
)
def test_an_emote_is_italic(typed: str) -> None:
    assert parse(typed) == line(Italic((Text("waves"),)))


def test_every_paragraph_of_an_emote_is_italic() -> None:
    assert parse("/me a\n\nb") == Document(
        (Paragraph((Italic((Text("a"),)),)), Paragraph((Italic((Text("b"),)),)))
    )


@pytest.mark.parametrize(
    "typed", ["/code if x:\n  y", "/pre if x:\n  y", "/preif x:\n  y", "/monospace \n if x:\n  y"]
)
def test_code_is_verbatim(typed: str) -> None:
    assert parse(typed) == Document((CodeBlock("if x:\n  y"),))


def test_nothing_is_read_inside_of_code() -> None:
    assert parse("/code @Bo (heart) https://a.example", [BO]) == Document(
        (CodeBlock("@Bo (heart) https://a.example"),)
    )


def test_a_quote_is_quoted_to_its_end() -> None:
    assert parse("/quote a (heart)\n\nb") == Document(
        (Quote((Paragraph((Text("a "), Emoji("❤️", "heart"))), Paragraph((Text("b"),)))),)
    )


@pytest.mark.parametrize(
    "typed",
    ["/me", "/mean it", " /me waves", "/ME waves", "x /me waves", "/me \n", "/code ", "/quoted", "/topic x"],
)
def test_what_is_no_command_is_text(typed: str) -> None:
    assert parse(typed) == plain.parse(typed)


# ------------------------------------------------------------------ mentions


def test_mentions_are_found_as_the_service_resolved_them() -> None:
    assert parse("@bo, ask @Ann or @Cy.", [ANN, BO]) == line(
        Mention("502", "bo"), Text(", ask "), Mention("501", "Ann"), Text(" or @Cy.")
    )


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("@Bo", ["Bo"]),
        ("@Bob", []),
        ("@Bo_", []),
        ("@Bo's", ["Bo"]),
        ("a@Bo.example", ["Bo"]),  # as HipChat's clients do
        ("@Bo@Bo", ["Bo", "Bo"]),
        ("@ Bo", []),
        ("https://a.example/@Bo", []),
    ],
)
def test_a_mention_ends_where_a_word_does(typed: str, names: list[str]) -> None:
    document = parse(typed, [BO])

    assert [node.name for node in document.blocks[0].inlines if isinstance(node, Mention)] == names  # type: ignore[union-attr]
    assert plain.render(document) == typed


def test_names_of_any_alphabet_are_mentioned() -> None:
    users = [{"id": 7, "mention_name": "ジョン"}, {"id": 8, "mention_name": "ジョンソン"}]

    assert parse("@ジョンソンさん @ジョンさん", users) == line(
        Mention("8", "ジョンソン"), Text("さん "), Mention("7", "ジョン"), Text("さん")
    )


def test_everybody_is_a_mention_of_nobody_in_particular() -> None:
    everybody = [{"id": 9, "mention_name": "all"}, ANN, BO]

    assert parse("@all @HERE @allow", everybody) == line(
        Mention("", "all"), Text(" "), Mention("", "HERE"), Text(" @allow")
    )


@pytest.mark.parametrize(
    "mentions",
    [None, "Bo", 7, {}, [None, 7, "Bo", {}, {"mention_name": None}, {"mention_name": 5}, {"id": 1}]],
)
def test_odd_mentions_are_passed_over(mentions: object) -> None:
    assert ids_of(mentions) == {"all": "", "here": ""}


def test_an_id_may_be_a_number_or_a_string() -> None:
    assert ids_of([{"id": "502", "mention_name": "Bo"}, {"mention_name": "Cy"}])["bo"] == "502"


# ------------------------------------------------------------------ emoticons


def test_an_emoticon_that_unicode_has_is_an_emoji() -> None:
    assert parse("x(Heart)(ThumbsUp) y (shrug)") == line(
        Text("x"), Emoji("❤️", "heart"), Emoji("👍", "thumbsup"), Text(" y "), Emoji("¯\\_(ツ)_/¯", "shrug")
    )


@pytest.mark.parametrize(
    "typed",
    [
        "(allthethings)",
        ":) ;-) 8)",
        "( heart )",
        "(heart",
        "(hearts)",
        "(ſanta)",
        "https://a.example/(heart)",
    ],
)
def test_any_other_emoticon_stays_as_it_was_written(typed: str) -> None:
    assert plain.render(parse(typed)) == typed


def test_an_emoticon_with_a_mark_is_one_that_we_posted() -> None:
    assert parse(emoticons.marked("(heart)")) == line(Text("\u200b(heart)"))


# ------------------------------------------------------------------ any text


@given(anything)
@example("a@all(heart)/me")
def test_without_emoticons_and_commands_every_text_says_what_was_typed(typed: str) -> None:
    document = parse(emoticons.marked(f"[{typed}"), [ANN, BO])

    assert plain.render(document) == clean_text(emoticons.marked(f"[{typed}"))


@given(anything)
def test_a_tree_is_in_normal_form(typed: str) -> None:
    assert parse(typed, [ANN, BO]) == normal_form(parse(typed, [ANN, BO]))


def test_a_link_is_left_alone() -> None:
    url = "https://a.example/@Bo/(heart)"

    assert parse(f"see {url}", [BO]) == line(Text("see "), Link(url, (Text(url),)))


@pytest.mark.parametrize(
    "unit", ["@", "@a", "(heart)", "(", "(h", "/me ", "s/a/", "@Bo ", "\u200b(", "a\n\n"]
)
def test_the_time_grows_with_the_text(unit: str) -> None:
    assert growth(parse, unit) < 4
