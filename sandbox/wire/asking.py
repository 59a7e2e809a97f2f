"""What calls ask for in their query: pages, dates, flags, fields to expand."""

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..clock import stamp_of
from ..records import Invalid
from .answers import ApiError
from .calls import Call

Item = TypeVar("Item")
LONGEST_PAGE = 1000


def number(call: Call, name: str, default: int, *, largest: int = 10**9) -> int:
    given = call.request.GET.get(name, "")
    if not given:
        return default
    if not (given.isascii() and given.isdigit()) or len(given) > 10 or int(given) > largest:
        raise Invalid(name, f"a number from 0 to {largest}", given[:20])
    return int(given)


def flag(call: Call, name: str, default: bool) -> bool:
    given = call.request.GET.get(name, "").lower()
    return given in ("true", "1") if given else default


def size(call: Call, default: int = 100) -> int:
    return number(call, "max-results", default, largest=LONGEST_PAGE)


def date(call: Call, name: str, default: int) -> int:
    given = call.request.GET.get(name, "")
    if not given:
        return default
    try:
        return stamp_of(given)
    except ValueError as error:
        raise Invalid(name, "a date in ISO 8601", given[:50]) from error


def zone(call: Call) -> tzinfo:
    """The time zone answers are dated in. HipChat refused abbreviations such as PST."""
    given = call.request.GET.get("timezone", "")
    if not given or call.world.switches.timezone == "ignored":
        return UTC
    try:
        return ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Invalid("timezone", "a name of the tz database", given[:50]) from error


def page_of(call: Call, path: str, items: Sequence[Item]) -> tuple[list[Item], dict[str, Any]]:
    """The page of a list that is asked for, and the envelope to put its items in."""
    start, wanted = number(call, "start-index", 0), size(call)
    if start > len(items) and call.world.switches.start_beyond_end == "404":
        raise ApiError(404, "There is no such page")
    shown = list(items[start : start + wanted])
    return shown, envelope(call, path, start, wanted, has_more=wanted > 0 and start + wanted < len(items))


def envelope(call: Call, path: str, start: int, wanted: int, *, has_more: bool) -> dict[str, Any]:
    """HipChat API v2, paging: `next` and `prev` are there only if such a page is."""
    address = f"{call.base}/v2/{path}"
    links = {"self": address}
    if start > 0:
        links["prev"] = _page_link(call, address, max(0, start - wanted), wanted)
    if has_more:
        links["next"] = _page_link(call, address, start + wanted, wanted)
    return {"items": [], "links": links, "maxResults": wanted, "startIndex": start}


def _page_link(call: Call, address: str, start: int, wanted: int) -> str:
    links = call.world.switches.page_links
    dropped = {"start-index", "max-results"} | (set() if links == "with_token" else {"auth_token"})
    kept = [(key, value) for key, value in call.request.GET.items() if key not in dropped]
    if links == "relative":
        address = urlsplit(address).path
    return f"{address}?{urlencode([*kept, ('start-index', start), ('max-results', wanted)])}"
