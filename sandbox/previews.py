"""What HipChat added to links that people post."""

import re
from typing import Any

LINK = re.compile(r"https?://[^\s<>\"]+")
PICTURE = re.compile(r"\.(?:png|jpe?g|gif)(?:\?\S*)?\Z", re.IGNORECASE)
UNFURLER = "hipchat-clinky"


def last_link(text: str) -> str | None:
    """HipChat API v2, item shapes: only the last link of a message is expanded."""
    found = LINK.findall(text)
    return found[-1] if found else None


def is_picture(url: str) -> bool:
    return PICTURE.search(url) is not None


def picture_links(url: str) -> list[dict[str, Any]]:
    """The `message_links` of a message that leads to a picture."""
    return [{"type": "image", "url": url, "image": {"image": url, "name": ""}}]


def page_links(url: str) -> list[dict[str, Any]]:
    """The `message_links` of a message that leads to a page; the sandbox does not fetch it."""
    told = {
        "title": url,
        "description": "",
        "headerText": "",
        "linkText": url,
        "faviconUrl": "",
        "fullUrl": url,
    }
    return [{"type": "link", "url": url, "link": told}]
