"""Trees become HTML that Matrix's clients show, and its readers get the same trees."""

from html.parser import HTMLParser
from urllib.parse import quote, unquote

import pytest
from hypothesis import given

from connectors.markup import html
from connectors.markup.tree import (
    MAX_DEPTH,
    Bold,
    Code,
    CodeBlock,
    Document,
    Emoji,
    Italic,
    LineBreak,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Strike,
    Text,
    normal_form,
    plain_text,
)
from tests.connectors.trees import GROWING, NODES, documents, growth, line, paragraphs, stored, talk

ADDRESS = "https://matrix.to/#/"
ALLOWED = {"p", "br", "strong", "em", "del", "code", "pre", "blockquote", "ol", "ul", "li", "a"}


def mention_of(address):
    return Mention(unquote(address.removeprefix(ADDRESS)), "") if address.startswith(ADDRESS) else None


def mention_url(mention):
    return ADDRESS + quote(mention.remote_id)


class Tags(HTMLParser):
    """A witness that is not our parser."""

    def __init__(self, markup):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


@given(documents)
def test_a_reader_gets_what_can_be_said(document):
    markup = html.render(document, mention_url=mention_url)

    assert html.parse(markup, mention_of=mention_of) == html.expressible(document, mention_url=mention_url)


@given(documents)
def test_no_word_is_lost_in_what_can_be_said(document):
    said = html.expressible(document, mention_url=mention_url)

    assert plain_text(said).replace("@", "").split() == plain_text(document).replace("@", "").split()


@given(documents)
def test_only_allowed_tags_and_attributes_are_written(document):
    found = Tags(html.render(document, mention_url=mention_url))

    for tag, attributes in found.tags:
        assert tag in ALLOWED
        assert set(attributes) <= {"a": {"href"}, "ol": {"start"}, "code": {"class"}}.get(tag, set())


@given(talk)
def test_foreign_text_stays_text(text):
    document = stored(Document((Paragraph((Text(text),)),)))

    found = Tags(html.render(document))

    assert {tag for tag, _ in found.tags} <= {"br", "p"}
    assert "".join("".join(found.words).split()) == "".join(plain_text(document).split())


def test_every_kind_is_written():
    document = Document(
        (
            Paragraph(
                (Bold((Text("b"), Italic((Text("i"),)))), Strike((Text("s"),)), LineBreak(), Code("<c>"))
            ),
            Paragraph((Link("https://x.example/?a&b", (Text("x"),)), Mention("@ann:x.example", "Ann"))),
            CodeBlock("if a < b:\n  c", "python"),
            Quote((Paragraph((Emoji("😀"),)),)),
            List(
                ((Paragraph((Text("1"),)), List(((Paragraph((Text("n"),)),),))), (CodeBlock("x"),)),
                ordered=True,
                start=3,
            ),
        )
    )

    assert html.render(document, mention_url=mention_url) == (
        "<p><strong>b<em>i</em></strong><del>s</del><br><code>&lt;c&gt;</code></p>"
        '<p><a href="https://x.example/?a&amp;b">x</a>'
        '<a href="https://matrix.to/#/%40ann%3Ax.example">Ann</a></p>'
        '<pre><code class="language-python">if a &lt; b:\n  c</code></pre>'
        "<blockquote><p>😀</p></blockquote>"
        '<ol start="3"><li>1<ul><li>n</li></ul></li><li><pre><code>x</code></pre></li></ol>'
    )


def test_one_paragraph_stands_bare():
    assert html.render(line(Text("a & b"), LineBreak(), Text("c"))) == "a &amp; b<br>c"
    assert html.render(Document()) == ""


def test_paragraphs_of_one_item_are_parted():
    item = paragraphs("a", "b").blocks

    assert html.render(Document((List((item,)),))) == "<ul><li><p>a</p><p>b</p></li></ul>"


@pytest.mark.parametrize(
    ("mention", "url_of"),
    [(Mention("", "all"), mention_url), (Mention("@a:x", "all"), lambda mention: None)],
)
def test_a_mention_of_nobody_is_text(mention, url_of):
    assert html.render(line(mention), mention_url=url_of) == "@all"


def test_nobody_has_an_address_unless_it_is_told():
    assert html.render(line(Mention("@a:x", "ann"))) == "@ann"


@pytest.mark.parametrize("address", ["javascript:x", "data:text/html,x", "/x", "//x.example", "matrix:u/a"])
def test_an_address_that_is_no_page_is_not_written(address):
    assert html.render(line(Link(address, (Text("words"),)))) == "words"


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ('https://x.example/"onclick=x', "https://x.example/%22onclick=x"),
        ("https://x.example/a b'c", "https://x.example/a%20b&#x27;c"),
        ("ftp://x.example/ü", "ftp://x.example/ü"),
    ],
)
def test_an_address_stays_inside_its_attribute(url, written):
    assert html.render(line(Link(url, (Text("x"),)))) == f'<a href="{written}">x</a>'


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("  a  b", "\u00a0\u00a0a \u00a0b"),
        ("\ta\tb", "\u00a0\u00a0\u00a0\u00a0a \u00a0\u00a0\u00a0b"),
        ("a ", "a"),
    ],
)
def test_blanks_are_seen(text, written):
    assert html.render(line(Text(text))) == written


def test_blanks_at_the_edge_of_a_style_stand_outside():
    assert html.render(line(Text("a"), Bold((Text(" b "),)), Text(" c"))) == ("a <strong>b</strong> \u00a0c")


# ------------------------------------------------------------------------------ what Matrix's clients write
@pytest.mark.parametrize(
    ("markup", "document"),
    [
        ("<mx-reply><blockquote><b>old</b></blockquote></mx-reply>new", paragraphs("new")),
        ("<mx-reply><p><b><ul>old</mx-reply>new", paragraphs("new")),
        ("<del>a</del><s>b</s><strike>c</strike>", line(Strike((Text("abc"),)))),
        ("<h1>a</h1>b", Document((Paragraph((Bold((Text("a"),)),)), Paragraph((Text("b"),))))),
        ("<h6>a<p>b", Document((Paragraph((Bold((Text("a"),)),)), Paragraph((Bold((Text("b"),)),))))),
        ("a<hr>b", paragraphs("a", "---", "b")),
        ("<blockquote>a</blockquote>b", Document((Quote(paragraphs("a").blocks), *paragraphs("b").blocks))),
        (
            "<blockquote><ul><li>a</blockquote>b</ul></li>",
            Document((Quote((List((paragraphs("a").blocks,)),)), *paragraphs("b").blocks)),
        ),
        ("</blockquote></ul>a", paragraphs("a")),
        ("<ol start=5><li>a</ol>", Document((List((paragraphs("a").blocks,), ordered=True, start=5),))),
        ("<ol start=-5><li>a</ol>", Document((List((paragraphs("a").blocks,), ordered=True),))),
        ("<ol start=9999999999><li>a</ol>", Document((List((paragraphs("a").blocks,), ordered=True),))),
        ('<pre><code class="x language-py">a\n</code></pre>', Document((CodeBlock("a", "py"),))),
        ("<pre>a</pre><pre><code class>b</code></pre>", Document((CodeBlock("a"), CodeBlock("b")))),
        ('<font color="red">a</font><span data-mx-color="#fff">b</span><u>c</u>', paragraphs("abc")),
        ("it was <span data-mx-spoiler>him</span>!", paragraphs("it was (spoiler) him!")),
        ("<span data-mx-spoiler='the end'>him</span>", paragraphs("(spoiler: the end) him")),
        (
            "<img data-mx-emoticon src='mxc://x/y' alt=':party:' title=':party:' height=32> x",
            line(Emoji(":party:", "party"), Text(" x")),
        ),
        ("<details><summary>a</summary>b</details>", paragraphs("a", "b")),
        ("<b>a<br>b</b>", line(Bold((Text("a"), LineBreak(), Text("b"))))),
        ("<i><b>a</b></i>", line(Italic((Bold((Text("a"),)),)))),
    ],
)
def test_what_matrix_writes_is_read(markup, document):
    assert html.parse(markup) == document


@pytest.mark.parametrize(
    ("markup", "document"),
    [
        (
            "hi <a href='https://matrix.to/#/@a:x'>Ann</a>!",
            line(Text("hi "), Mention("@a:x", "Ann"), Text("!")),
        ),
        ("<a href='https://matrix.to/#/@a:x'>@a:x</a>", line(Mention("@a:x", "a:x"))),
        (
            "<b>hi<a href='https://matrix.to/#/%40a%3Ax'> <i>A</i> <br>n </a></b>you",
            line(Bold((Text("hi "), Mention("@a:x", "A n"))), Text(" you")),
        ),
        ("a <a href='https://matrix.to/#/@a:x'></a>b", paragraphs("a b")),
        (
            "<a href='https://matrix.to/#/@a:x'>Ann<p>b",
            Document((Paragraph((Mention("@a:x", "Ann"),)), Paragraph((Text("b"),)))),
        ),
        ("<a href='https://x.example'>Ann</a>", line(Link("https://x.example", (Text("Ann"),)))),
    ],
)
def test_a_link_to_somebody_is_a_mention(markup, document):
    assert html.parse(markup, mention_of=mention_of) == document


def test_the_name_is_the_hooks_if_it_has_one():
    assert html.parse("<a href='u:1'>x</a>", mention_of=lambda url: Mention(url, "Ann")) == line(
        Mention("u:1", "Ann")
    )
    assert html.parse("a <a href='u:1'></a>", mention_of=lambda url: Mention(url, "Ann")) == line(
        Text("a "), Mention("u:1", "Ann")
    )


def test_nesting_beyond_what_is_stored_is_plain_text():
    document = html.parse("<blockquote>a" * 10_000)

    assert document == normal_form(document)
    assert str(document).count("Quote(") < MAX_DEPTH
    assert plain_text(document).count("a") == 10_000
    assert html.parse(html.render(document)) == html.expressible(document)


UNITS = (
    *("<blockquote>", "<blockquote>x</blockquote>", "<h1>", "<mx-reply>", "</blockquote>", "<ol start=1>x"),
    *("<span data-mx-spoiler=x>", "<a href=https://matrix.to/#/x>x", "<a href=https://matrix.to/#/x>"),
    *(
        "<a href=https://matrix.to/#/x>x<br>",
        "<s>x<b>y</s>z",
        "<ul></blockquote>",
        "<pre><code class='a b c '>",
    ),
)


@pytest.mark.parametrize("unit", UNITS)
def test_the_time_to_read_grows_with_the_text(unit):
    assert growth(lambda text: html.parse(text, mention_of=mention_of), unit) < 4


@pytest.mark.parametrize("unit", ["a", "\n", "&", "\t"])
@pytest.mark.parametrize("tree", GROWING.values(), ids=GROWING)
def test_the_time_to_write_grows_with_the_text(tree, unit):
    assert growth(lambda text: html.render(normal_form(tree(text))), unit, NODES) < 4
