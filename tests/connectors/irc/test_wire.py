"""Lines, read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.irc.support import Support
from connectors.irc.who import place_of, server_of, space_of
from connectors.irc.wire import Line, compose, parse

SAFE = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))
WORDS = SAFE.map(lambda text: text.replace(" ", "")).filter(lambda text: text and text[0] not in ":@")
TAGS = st.dictionaries(st.from_regex(r"\+?[a-z]{1,8}(/[a-z]{1,5})?", fullmatch=True), SAFE, max_size=4)


@given(st.from_regex(r"[A-Z]{1,9}|[0-9]{3}", fullmatch=True), st.lists(WORDS, max_size=5), SAFE, TAGS)
def test_what_is_composed_is_parsed_back(
    command: str, words: list[str], last: str, tags: dict[str, str]
) -> None:
    raw = compose(command, *words, last, tags=tags)

    assert raw.endswith(b"\r\n")
    assert parse(raw[:-2]) == Line(command, (*words, last), "", tags)


@given(st.binary(max_size=600))
def test_any_bytes_are_a_line_or_none(raw: bytes) -> None:
    line = parse(raw)

    assert line is None or (line.command and not {"\r", "\n", "\0"} & set("".join(line.params)))


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_no_parameter_becomes_another_line_or_parameter(params: list[str]) -> None:
    try:
        raw = compose("PRIVMSG", *params)
    except ValueError:
        return
    line = parse(raw[:-2])
    assert line is not None
    assert len(line.params) == len(params)
    assert raw.count(b"\n") == 1


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b":irc.example AUTHENTICATE :+", Line("AUTHENTICATE", ("+",), "irc.example")),
        (b"AUTHENTICATE +", Line("AUTHENTICATE", ("+",))),
        (b":a!b@c   PRIVMSG   #x   :  two  ", Line("PRIVMSG", ("#x", "  two  "), "a!b@c")),
        (b":a PRIVMSG #x ::)", Line("PRIVMSG", ("#x", ":)"), "a")),
        (
            b"@time=1;+a/b=x\\sy\\:\\\\;c :a ping",
            Line("PING", (), "a", {"time": "1", "+a/b": "x y;\\", "c": ""}),
        ),
        (b"PRIVMSG #x :caf\xc3\xa9", Line("PRIVMSG", ("#x", "café"))),
        (b"PRIVMSG #x :caf\xe9", Line("PRIVMSG", ("#x", "café"))),
        # Cut by a server in the middle of a character: only that one is lost.
        (b"PRIVMSG #x :\xc3\xbcber d\xc3", Line("PRIVMSG", ("#x", "über d"))),
        (b"PRIVMSG #x :\xf0\x9f\x9a\x80\xf0\x9f\x9a", Line("PRIVMSG", ("#x", "🚀"))),
        (b"PRIVMSG #x :" + b"x" * 500 + b"\xc3", Line("PRIVMSG", ("#x", "x" * 500))),
        (b"PRIVMSG #x :\xfcber caf\xe9", Line("PRIVMSG", ("#x", "über café"))),
        (b"", None),
        (b":only.source", None),
    ],
)
def test_lines_are_taken_as_servers_send_them(raw: bytes, line: Line | None) -> None:
    assert parse(raw) == line


def test_names_compare_as_the_server_says() -> None:
    support = Support()
    assert support.fold("#Foo[]\\~") == "#foo{}|^"
    for unknown in ("rfc7613", "national"):
        support.learn([f"CASEMAPPING={unknown}"])
        assert support.fold("#Foo[]") == "#foo[]"
    support.learn(["CASEMAPPING=ascii"])
    assert support.fold("#Foo[]\\~ÄÖ") == "#foo[]\\~ÄÖ"
    support.learn(["CASEMAPPING=unheard-of", "NICKLEN=x", "NETWORK=A\\x20B", "CHANTYPES=#", "CHANNELLEN=5"])
    assert (support.casemapping, support.nick_length, support.network) == ("ascii", 0, "A B")
    assert [support.is_channel(name) for name in ("#a", "#", "&a", "a", "#a b", "#a,b", "#toolong")] == [
        True,
        *[False] * 6,
    ]


@pytest.mark.parametrize(
    ("server", "canonical", "space"),
    [
        ("ircs://irc.Example.org", "ircs://irc.example.org:6697", "ircs://irc.example.org:6697"),
        ("irc://irc.example.org:6667", "irc://irc.example.org:6667", "ircs://irc.example.org:6697"),
        ("irc://irc.example.org:7000", "irc://irc.example.org:7000", "irc://irc.example.org:7000"),
        ("ircs://[2001:db8::1]:6697", "ircs://[2001:db8::1]:6697", "ircs://[2001:db8::1]:6697"),
    ],
)
def test_one_server_has_one_spelling_and_its_usual_ports_one_space(
    server: str, canonical: str, space: str
) -> None:
    assert (server_of(place_of(server)), space_of(place_of(server))) == (canonical, space)
