"""Search in the help pages: in memory, by whole and half words, with a way on where nothing is found."""

import html
import re
from collections import Counter

import pytest

from guides import book
from guides.passages import passages_of
from guides.search import EXCERPT, MOST_FOUND, MOST_OF_A_PAGE, Index, Passage, index, search
from tests.pages.test_guides import COMMANDS, HELP, HIPCHAT, PORTALS, TUBES, Anchors


def addresses(query: str) -> list[str]:
    return [hit.url for hit in search(query, "en").hits]


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("pause", f"{TUBES}#pause"),
        ("how do I pause a Tube?", f"{TUBES}#pause"),
        ("PAUSING", f"{TUBES}#pause"),
        ("portals", PORTALS),
        ("a code of eight letters", f"{COMMANDS}#join"),
        ("gdpr", "/getting-started/en/security"),
        ("leave and take my data along", "/getting-started/en/your-accounts#leave"),
    ],
)
def test_search_leads_to_the_place_first(query, address):
    assert addresses(query)[0] == address


@pytest.mark.parametrize("page", book.pages("en"), ids=lambda page: page.url)
def test_every_page_is_found_by_its_title(page):
    assert page.url in [address.split("#")[0] for address in addresses(page.title)[:3]]


def test_pasted_error_message_leads_to_what_to_do():
    message = (
        "The channel is for invited people only. Ask one of its operators to invite our nick, or to put it on"
    )

    assert addresses(message)[0] == "/getting-started/en/accounts/irc#messages-room"


def test_beginning_of_a_word_and_letters_without_accents_do():
    assert addresses("retent") == addresses("retention")
    assert addresses("pórtål") == addresses("portal") != []


def test_every_passage_stands_where_the_result_leads(client, db):
    ids = {page.url: set(Anchors(client.get(page.url).text).ids) for page in book.pages("en")}

    wrong = [
        f"{passage.page.url}#{passage.anchor}"
        for passage in index("en").passages
        if passage.anchor and passage.anchor not in ids[passage.page.url]
    ]

    assert wrong == []
    assert {passage.page.url for passage in index("en").passages} == set(ids)


def test_what_was_looked_for_is_marked_in_an_excerpt():
    [hit] = [hit for hit in search("pause", "en").hits if hit.url == f"{TUBES}#pause"]

    assert "paused" in [words for words, is_marked in hit.excerpt if is_marked]
    assert len("".join(words for words, _ in hit.excerpt)) <= EXCERPT + 4  # and what is cut


def test_no_excerpt_holds_what_only_navigation_says():
    assert [p for p in index("en").passages if "All help pages" in p.text or "On this page" in p.text] == []


def test_page_shows_results_with_heading_and_excerpt(client, db):
    text = html.unescape(client.get(HELP, {"q": "renew token"}).text)

    assert re.search(r"<h2 id=\"found\">\d+ passages about “renew token”</h2>", text)
    assert f'<a href="{HIPCHAT}#later">HipChat: Renewing and removing</a>' in text
    assert re.search(r"<mark>(?:Renew|token)</mark>", text)
    assert 'value="renew token"' in text


def test_nothing_found_says_what_to_do(client, db):
    text = html.unescape(client.get(HELP, {"q": "xyzzyplugh"}).text)

    assert "Nothing found for “xyzzyplugh”" in text
    assert "Try another word for it" in text
    assert "Did you mean" not in text
    assert PORTALS in Anchors(text).links  # and all pages


def test_misspelt_word_is_offered_as_it_is_written(client, db):
    text = html.unescape(client.get(HELP, {"q": "delte potral"}).text)

    assert 'Did you mean <a href="?q=delete%20portal">delete portal</a>?' in text


def test_where_no_passage_has_all_words_the_next_best_are_shown(client, db):
    text = html.unescape(client.get(HELP, {"q": "pause tube zeppelin"}).text)

    assert "No passage has all of “pause tube zeppelin”" in text
    assert f"{TUBES}#pause" in Anchors(text).links


@pytest.mark.parametrize(
    "query", ["", "  ", "the", "?!", "\0", "a" * 5_000, "' OR 1=1 --", "%", "🙂", "the of and"]
)
def test_whatever_is_typed_has_an_answer(client, db, query):
    assert client.get(HELP, {"q": query}).status_code == 200


def test_what_is_typed_is_shown_as_text(client, db):
    text = client.get(HELP, {"q": "<script>alert(1)</script>"}).text

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_results_are_bounded_and_of_many_pages():
    hits = search("room", "en").hits

    assert len(hits) <= MOST_FOUND
    assert max(sum(1 for hit in hits if hit.page == page) for page in book.pages("en")) == MOST_OF_A_PAGE


def test_passages_are_what_stands_below_each_heading():
    page = """
    <header class="guide-head"><p>Help</p><form><label>Search</label></form>
    <h1>Tubes</h1><p>Join two&nbsp;rooms.</p></header>
    <nav><h2 id="contents">On this page</h2></nav>
    <article class="guide-text"><figure><svg><text>drawn</text></svg><figcaption>Below.</figcaption></figure>
    <section><h2 id="open">Open <em>one</em></h2><p>Press <strong>Open</strong>.<br>Then wait</p>
    <h3>Also</h3><p>This.</p>
    <h3 id="more">More</h3><dl><dt>A side</dt><dd>One end.</dd></dl></section></article>
    <footer><h2 id="foot">No</h2></footer>
    """

    assert passages_of(page) == [
        ("", "", "Join two rooms."),
        ("Open one", "open", "Press Open. Then wait Also: This."),
        ("More", "more", "A side: One end."),
    ]


def test_words_that_stand_together_go_before_the_same_words_apart(monkeypatch):
    def passage(anchor: str, text: str) -> Passage:
        stems, nothing = tuple(text.split()), frozenset()
        page = book.pages("en")[0]
        return Passage(page, "", anchor, text, stems, Counter(stems), nothing, nothing, nothing)

    apart = passage("apart", "token of some kind in the room that somebody may renew")
    together = passage("together", "in the room of some kind that somebody may renew the token")
    known = Index([apart, together], frozenset({*apart.stems, *together.stems}), [])
    monkeypatch.setattr("guides.search.index", lambda language: known)

    assert [address.split("#")[1] for address in addresses("renew token")] == ["together", "apart"]
