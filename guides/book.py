"""The help pages there are, in the order in which one reads them: behind index, navigation and search.

A page about a service is brought by its connector (`connectors/<kind>/help.html`, in the section
`accounts`); any other is a template in `templates/guides/<language>/`, or in a section's folder there.
Reads templates, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import reverse

from connectors.base import Connector
from connectors.limitations import Limitation, limitations, unlimited
from connectors.registry import connectors

LANGUAGES: Final = ("en",)  # that pages are written in
OF_SERVICES: Final = "accounts"  # the section of the connectors' pages


@dataclass(frozen=True, slots=True)
class Page:
    """One page of help. `keywords` are words that people look for it by and that do not stand in it."""

    title: str
    about: str  # one sentence, for the list of pages
    section: str
    name: str
    language: str
    template: str
    kind: str = ""  # of the service it is about
    keywords: str = ""

    @property
    def url(self) -> str:
        """Its address in this site."""
        if not self.section:
            return reverse("guides:guide-of-all", args=[self.language, self.name])
        return reverse("guides:guide", args=[self.language, self.section, self.name])


@dataclass(frozen=True, slots=True)
class Chapter:
    """Pages that belong together."""

    title: str
    pages: Sequence[Page]


# The pages about no service, chapter by chapter: title, path of the template, what it is about, keywords.
BEGIN: Final = (
    (
        "Your first Tube",
        "first-steps",
        "From signing up to the first message that crosses, in four steps.",
        "getting started start begin bridge connect setup tutorial introduction",
    ),
)
JOIN_ROOMS: Final = (
    (
        "Tubes",
        "tubes-portals/tubes",
        "Open one, pause it, close it, and what its states mean.",
        "bridge connect link rooms channels sync",
    ),
    (
        "Portals",
        "tubes-portals/portals",
        "An address by which others join rooms of theirs to one of yours.",
        "invite share guests customers public",
    ),
    (
        "Posting options",
        "tubes-portals/posting-options",
        "How messages arrive in a room: names, direction, files, filters.",
        "settings format prefix configure customise customize one-way block",
    ),
    (
        "Commands",
        "commands",
        "What can be typed in the rooms, from help to disable.",
        "bot slash chatops",
    ),
)
GOOD_TO_KNOW: Final = (
    (
        "Your accounts and your data",
        "your-accounts",
        "What an account’s states mean, shared accounts, notices, and how to leave.",
        "unsubscribe export cancel profile",
    ),
    (
        "Limitations",
        "limitations",
        "What each service cannot do, and what happens in its place.",
        "limits maximum size rate unsupported missing",
    ),
    (
        "Security",
        "security",
        "What is stored, for how long, and what operators can see.",
        "privacy gdpr retention encryption storage confidential",
    ),
    (
        "Questions and answers",
        "questions",
        "What people ask most.",
        "faq help problem trouble support why",
    ),
)


def chapters(language: str) -> Sequence[Chapter]:
    """All of it. `language` is one of LANGUAGES."""
    of_services = [_of_service(cls, language) for cls in connectors().values() if _exists(_page_of(cls))]
    return (
        Chapter("Begin", _of_no_service(BEGIN, language)),
        Chapter("Link an account", of_services),
        Chapter("Join rooms", _of_no_service(JOIN_ROOMS, language)),
        Chapter("Good to know", _of_no_service(GOOD_TO_KNOW, language)),
    )


def pages(language: str) -> list[Page]:
    """Every page, in the order of the book."""
    return [page for chapter in chapters(language) for page in chapter.pages]


def find(language: str, section: str, name: str) -> Page | None:
    """The page at an address, or None."""
    if language not in LANGUAGES:
        return None
    return next((page for page in pages(language) if (page.section, page.name) == (section, name)), None)


def context(page: Page) -> dict[str, Any]:
    """What a page's template may say: numbers of this installation, and what its service can do."""
    said: dict[str, Any] = {
        "page": page,
        "language": page.language,
        "catch_up_hours": settings.CATCH_UP_HOURS,
        "body_hours": settings.BODY_HOURS,
        "id_days": settings.ID_DAYS,
        "file_quota_mb": settings.FILE_QUOTA_MB,
        "daily_messages": settings.DAILY_MESSAGES,
        "sandbox_on": settings.SANDBOX,
        "services": services(),
        "called_by_name": [cls.label for cls in connectors().values() if cls.capabilities.apps],
    }
    if service := connectors().get(page.kind):
        # The class itself would be called by the template engine.
        said |= {"kind": service.kind, "label": service.label, "can": service.capabilities}
    return said


@dataclass(frozen=True, slots=True)
class Service:
    """A chat service as pages tell of it."""

    kind: str
    label: str
    has_page: bool
    limitations: Sequence[Limitation]
    unlimited: Sequence[str]  # what it does in its own way


def services() -> list[Service]:
    """Every service that can be linked here."""
    return [
        Service(
            cls.kind,
            cls.label,
            _exists(_page_of(cls)),
            limitations(cls.capabilities),
            unlimited(cls.capabilities),
        )
        for cls in connectors().values()
    ]


def _of_no_service(rows: Sequence[tuple[str, str, str, str]], language: str) -> list[Page]:
    made = []
    for title, path, about, keywords in rows:
        section, _, name = path.rpartition("/")
        template = f"guides/{language}/{path}.html"
        made.append(Page(title, about, section, name, language, template, keywords=keywords))
    return made


def _of_service(service: type[Connector], language: str) -> Page:
    return Page(
        title=service.label,
        about=f"Link a {service.label} account, choose rooms, and what to do about each message.",
        section=OF_SERVICES,
        name=service.kind,
        language=language,
        template=_page_of(service),
        kind=service.kind,
        keywords="account link login setup getting started",
    )


def _page_of(service: type[Connector]) -> str:
    return f"connectors/{service.kind}/help.html"


def _exists(template: str) -> bool:
    try:
        get_template(template)
    except TemplateDoesNotExist:
        return False
    return True
