"""Takes out of log lines what must not stand in them: values of rows, tokens, passwords.

A database error's text goes on, after its first line, with the row it was about: with what people wrote.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from django.conf import settings
from django.db import Error as DjangoDatabaseError

from connectors.net.errors import redact

HIDDEN: Final = "[hidden]"

# As PostgreSQL ends the first line of some errors: invalid input syntax for type integer: "what was given".
_QUOTED = re.compile(r': ".*$')
# For where an error is known by its text only: from what may be a value to the very end, since a value may
# look like anything; in a repr, which spells line ends out, to the end of the line.
_DETAILS: Final = (
    re.compile(r"\n[\s|]*(?:DETAIL|LINE \d+|CONTEXT|QUERY):.*", re.DOTALL),
    re.compile(r"\\n\s*(?:DETAIL|LINE \d+|CONTEXT|QUERY):[^\n]*"),
    re.compile(r"(?<=invalid input )(syntax|value) for [^:\n]*: \".*", re.DOTALL),
)
_PATTERNS: Final = (
    # Authorization: Bearer abc · 'Authorization': 'abc'
    (
        re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:(?:basic|bearer|token)\s+)?)[^\s'\",;)}]+"),
        r"\1",
    ),
    # Not before a plain word: Slack has a page called Basic Information, which remedies name.
    (re.compile(r"\b(Basic|Bearer)\s+(?![A-Z]?[a-z]+\b)[\w.~+/=-]{8,}"), r"\1 "),
    # ?auth_token=abc · password=abc
    (re.compile(r"(?i)((?:token|password|passwd|secret|api_?key|signature)=)[^\s'\"&,;)}]+"), r"\1"),
    # {'token': 'abc'} · "token": "abc"
    (
        re.compile(r"(?i)((?:token|password|passwd|secret|api_?key|signature)['\"]\s*:\s*b?['\"])[^'\"]+"),
        r"\1",
    ),
    # postgresql://name:password@host
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"), r"\1"),
)
# Without one of these no pattern fits; most lines hold none.
_SUSPICIOUS: Final = (
    *("detail:", "line ", "context:", "query:", "invalid input", "://"),
    *("authorization", "basic", "bearer", "token", "passw", "secret", "key", "signature"),
)


def scrub(text: str, error: BaseException | None = None) -> str:
    """`text` without secrets and without what a database error tells of its row. No I/O.

    `error` is what the text tells about, where it is at hand: then its texts are found as they are.
    """
    for told in _chain(error):
        if is_of_database(told):
            whole, kept = str(told), first_line(told)
            if whole != kept:
                text = text.replace(whole, kept).replace(repr(whole)[1:-1], kept)
    lowered = text.lower()
    if any(word in lowered for word in _SUSPICIOUS):
        for detail in _DETAILS:
            text = detail.sub(f" {HIDDEN}", text)
        for pattern, kept in _PATTERNS:
            text = pattern.sub(kept + HIDDEN, text)
    return _without_our_own(text)


def is_of_database(error: object) -> bool:
    """Whether this is an error of the database or its driver, whose text may hold a row."""
    return isinstance(error, DjangoDatabaseError) or type(error).__module__.startswith(
        ("psycopg2", "sqlite3")
    )


def first_line(error: BaseException) -> str:
    """What went wrong, without the row it went wrong with."""
    line = str(error).strip().split("\n", 1)[0]
    return _QUOTED.sub(f": {HIDDEN}", line)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that it came of or came during."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def _without_our_own(text: str) -> str:
    secrets, forms = _our_own()
    return redact(text, secrets) if any(form in text for form in forms) else text


@cache
def _our_own() -> tuple[tuple[str, ...], frozenset[str]]:
    """What this installation was given to keep, and the forms in which it may stand in a text."""
    databases = [database.get("PASSWORD") or "" for database in settings.DATABASES.values()]
    urls = [unquote(urlsplit(url).password or "") for url in (settings.REDIS_URL, settings.CELERY_BROKER_URL)]
    mail = getattr(settings, "EMAIL_HOST_PASSWORD", "") or ""
    of_services = [getattr(settings, name) for name in dir(settings) if name.endswith("_SECRET")]
    given = [settings.SECRET_KEY, *settings.ENCRYPTION_KEYS, settings.METRICS_TOKEN, mail, *databases, *urls]
    given += [secret for secret in of_services if isinstance(secret, str)]
    # A password of a few letters would be taken out of every word it happens to stand in.
    secrets = tuple(secret for secret in given if len(secret) >= 8)
    quoted = {quote(secret, safe=safe) for secret in secrets for safe in ("", "/")}
    return secrets, frozenset({*secrets, *quoted, *map(quote_plus, secrets)})
