"""A visitor without a browser: follows pages and fills in their forms, as a person would."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

TIMEOUT = 20


class UnexpectedPage(Exception):
    """A page was not what the visitor looked for; the text says what it found instead."""


class _Page(HTMLParser):
    """The parts of a page that a visitor acts on."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.csrf = ""
        self.links: list[tuple[str, str]] = []
        self.values: dict[str, str] = {}
        self.picks: list[tuple[str, str, str]] = []
        self._open: list[str] = []
        self._words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if found.get("name") == "csrfmiddlewaretoken":
            self.csrf = self.csrf or found.get("value", "")
        if tag == "input" and "id" in found:
            self.values[found["id"]] = found.get("value", "")
        if tag == "a" or (tag == "button" and found.get("name")):
            self._open = [tag, found.get("href", ""), found.get("name", ""), found.get("value", "")]
            self._words = []

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag == self._open[0]:
            text = " ".join(" ".join(self._words).split())
            if tag == "a":
                self.links.append((text, self._open[1]))
            else:
                self.picks.append((text, self._open[2], self._open[3]))
            self._open = []


class Visitor:
    """One person's session at a site. Every method is real HTTP with a time limit."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._session = requests.Session()
        self._session.trust_env = False
        self.address = base
        self._page = _Page("")

    def open(self, path: str, **query: str) -> str:
        """Open a page; its HTML."""
        return self._arrive(self._session.get(urljoin(self.base, path), params=query, timeout=TIMEOUT))

    def submit(self, fields: dict[str, str | list[str]]) -> str:
        """Send the form of the page just opened; the HTML of the page that follows."""
        data = fields | {"csrfmiddlewaretoken": self._page.csrf}
        headers = {"Referer": self.address}
        return self._arrive(self._session.post(self.address, data=data, headers=headers, timeout=TIMEOUT))

    def follow(self, words: str) -> str:
        """Follow the first link whose text holds all these words."""
        for text, href in self._page.links:
            if all(word in text for word in words.split()):
                return self.open(href)
        raise UnexpectedPage(f"{self.address} has no link {words!r}.")

    def pick(self, words: str) -> str:
        """Press the first button with a value whose text holds all these words."""
        for text, name, value in self._page.picks:
            if all(word in text for word in words.split()):
                return self.submit({name: value})
        raise UnexpectedPage(f"{self.address} has no button {words!r}.")

    def offers(self, words: str) -> bool:
        """Whether the page just opened has a link or a button whose text holds all these words."""
        texts = [text for text, *_ in (*self._page.links, *self._page.picks)]
        return any(all(word in text for word in words.split()) for text in texts)

    def value(self, element: str) -> str:
        """What stands in the input field with this id."""
        try:
            return self._page.values[element]
        except KeyError:
            raise UnexpectedPage(f"{self.address} has no field {element!r}.") from None

    def _arrive(self, answer: requests.Response) -> str:
        if not answer.ok:
            raise UnexpectedPage(f"{answer.url} answered {answer.status_code}.")
        self.address, self._page = answer.url, _Page(answer.text)
        return answer.text
