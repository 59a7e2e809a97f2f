"""HTML, as integrations write it, becomes a tree."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.markup import html, plain
from connectors.markup.tree import (
    MAX_DEPTH,
    Bold,
    Code,
    CodeBlock,
    Document,
    Italic,
    LineBreak,
    Link,
    List,
    Paragraph,
    Text,
    normal_form,
    plain_text,
    to_json,
)
from tests.connectors.trees import growth, line, paragraphs

TAGS = "b strong i em a br img pre code ul ol li table tr td p span script style template title svg x"
tags = st.sampled_from(TAGS.split())
pieces = st.one_of(
    st.builds("<{}>".format, tags),
    st.builds("</{}>".format, tags),
    st.builds("<{}".format, tags),
    st.sampled_from(
        ["<a href='https://a.example/'>", "<img src=https://b.example alt=' x '>", "<![", "<!--", "-->"]
    ),
    st.sampled_from(
        [" ", "\n", "words", "&amp;", "&lt;b>", "&#0;", "&#xD800;", "&#8238;", "'", '"', ">", "<"]
    ),
    st.text(),
)
markup = st.lists(pieces).map("".join)


@pytest.mark.parametrize(
    ("markup", "document"),
    [
        ("<b>a</b> <strong>b</strong>", line(Bold((Text("a"),)), Text(" "), Bold((Text("b"),)))),
        ("<i>a</i><em>b</em>", line(Italic((Text("ab"),)))),
        ("<b>a <i>b</i> c</b>", line(Bold((Text("a "), Italic((Text("b"),)), Text(" c"))))),
        ("<b>a<b>b</b>c</b>d", line(Bold((Text("abc"),)), Text("d"))),
        ("<b>a<i>b</b>c</i>", line(Bold((Text("a"), Italic((Text("b"),)))), Italic((Text("c"),)))),
        ("a<br>b<br/>c", line(Text("a"), LineBreak(), Text("b"), LineBreak(), Text("c"))),
        ("a <code>x  y</code> b", line(Text("a "), Code("x y"), Text(" b"))),
        ("<span style='color: red'>a</span>", line(Text("a"))),
        ("a</b></i></a></ul></li></pre></code></table>b", paragraphs("a", "b")),
    ],
)
def test_styles(markup: str, document: Document) -> None:
    assert html.parse(markup) == document


@pytest.mark.parametrize(
    "address", ["https://a.example/x?y=1&amp;z=2", "HTTP://a.example", "mailto:a@b.example"]
)
def test_a_link_leads_to_its_address(address: str) -> None:
    assert html.parse(f"see <a class=x href='{address}'>the <b>page</b></a> now") == line(
        Text("see "),
        Link(address.replace("&amp;", "&"), (Text("the "), Bold((Text("page"),)))),
        Text(" now"),
    )


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "/relative", "", "data:text/html,x", "file:///etc"]
)
def test_an_address_that_is_no_page_is_no_link(address: str) -> None:
    assert html.parse(f'<a href="{address}">words</a>') == line(Text("words"))


def test_a_link_that_is_not_closed_ends_with_the_next_and_goes_on_in_the_next_paragraph() -> None:
    one, two = "https://a.example", "https://b.example"

    assert html.parse(f"<a href={one}>a<p>b<a href={two}>c") == Document(
        (Paragraph((Link(one, (Text("a"),)),)), Paragraph((Link(one, (Text("b"),)), Link(two, (Text("c"),)))))
    )


def test_an_image_is_its_description_or_a_link() -> None:
    url = "https://a.example/x.png"

    assert html.parse(f"<img src='{url}' alt=' ok '> <img src='{url}'> <img src='x'> <img alt=''>") == line(
        Text("ok "), Link(url, (Text(url),))
    )


def test_lists_are_lists() -> None:
    assert html.parse("<ul><li>a<ol><li>b</ol><li>c</li></ul>d") == Document(
        (
            List(
                (
                    (Paragraph((Text("a"),)), List(((Paragraph((Text("b"),)),),), ordered=True)),
                    (Paragraph((Text("c"),)),),
                )
            ),
            Paragraph((Text("d"),)),
        )
    )


def test_items_without_a_list_are_paragraphs() -> None:
    assert html.parse("<li>a<li>b") == paragraphs("a", "b")


def test_a_table_is_its_rows_as_lines() -> None:
    table = (
        "<table> <tr><th>Job</th><th>State</th></tr>\n<tr> <td>#1</td> <td><b>ok</b></td> </tr></table>after"
    )

    assert plain.render(html.parse(table)) == "Job | State\n#1 | ok\n\nafter"


def test_verbatim_text_keeps_its_blanks() -> None:
    assert html.parse("a<pre>\n  x <b>y</b>\n\tz &lt;<br>w\n</pre>b") == Document(
        (Paragraph((Text("a"),)), CodeBlock("  x y\n\tz <\nw"), Paragraph((Text("b"),)))
    )


def test_white_space_is_one_blank_and_none_at_the_ends() -> None:
    assert html.parse(" \n a\t<b> b </b> \n c <br> d <p> e ") == Document(
        (
            Paragraph((Text("a "), Bold((Text("b"),)), Text(" c"), LineBreak(), Text("d"))),
            Paragraph((Text("e"),)),
        )
    )


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("&amp;amp; &lt;b&gt; &quot;x&quot; &eacute; &#128512;", '&amp; <b> "x" é 😀'),
        ("a &copy b & c; 1 < 2 > 0", "a © b & c; 1 < 2 > 0"),
        ("&#0;&#xD800;", "\ufffd\ufffd"),
        ("a&#8238;b&#x202E;c", "abc"),
        ("a\x00\ud800b", "a\ufffdb"),
    ],
)
def test_character_references_are_resolved_once(markup: str, text: str) -> None:
    assert plain.render(html.parse(markup)) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>alert('seen')</script>",
        "<SCRIPT src=seen>if (a < b) seen</SCRIPT >",
        "<style>.seen{}</style>",
        "<template>seen</template>",
        "<!-- seen > seen -->",
        "<!doctype seen>",
        "<![seen]>",
        "<![CDATA[seen>",
        "<?seen ?>",
        "<img onerror=seen src=x>",
        "<p title='seen' onclick=seen()>",
        "<seen>",
    ],
)
def test_nothing_is_seen_of_what_is_no_text(hidden: str) -> None:
    assert plain.render(html.parse(f"{hidden}after")) == "after"


@pytest.mark.parametrize(
    "open_", ["<script>x", "<style>x", "<!-- x", "<a href='x", "<b", "</b", "<![x", "<?x"]
)
def test_what_has_no_end_is_not_seen(open_: str) -> None:
    assert plain.render(html.parse(f"before {open_}")) == "before"


@given(markup)
@example("<ul>" * 50 + "<b>x")
@example("<a href=https://a.example><pre><a href=https://b.example><ul><li><pre>x</a>")
def test_anything_becomes_a_tree_that_can_be_stored(markup: str) -> None:
    document = html.parse(markup)

    assert document == normal_form(document)
    assert to_json(document)
    assert "\x00" not in plain.render(document)
    plain.render(document).encode()


@given(st.text())
def test_text_that_was_escaped_comes_back(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("\r", " ")

    assert plain_text(html.parse(escaped)).split() == plain_text(html.parse(f"<p>{escaped}</p>")).split()
    assert "".join(plain_text(html.parse(escaped)).split()) == "".join(
        plain_text(plain.parse(text.replace("\r", " "))).split()
    )


def test_lists_in_lists_are_flattened_at_the_depth_that_can_be_stored() -> None:
    document = html.parse("<ul><li>a" * 10_000)

    assert to_json(document)
    assert str(document).count("List(") < MAX_DEPTH
    assert plain_text(document).count("a") == 10_000


UNFINISHED = (
    "<a ",
    "<b a='",
    '<b a="x>y" ',
    "<b =",
    "<b a=",
    "<a\n",
    "<a/",
    "</",
    "<!--",
    "<![",
    "<?",
    "<",
    "'\"",
)
NESTED = ("<b>", "<ul><li>", "<a href=https://a.example>x", "<script>", "<pre>", "<p><b></p>x", "<i>x")
ROWS = ("<p>", "</ul>", "x<br>", "<td>x", "<b>x</b>", "<b a1=''>", "&", "&amp", "&#", "words ", "\n")


@pytest.mark.parametrize("unit", [*UNFINISHED, *NESTED, *ROWS])
def test_the_time_grows_with_the_text(unit: str) -> None:
    assert growth(html.parse, unit) < 4
