"""Log lines that machines can read: one per record, with ids of what it is about, without texts or secrets.

with logs.context(delivery=7, event=3):
    log.info("Sent")            # … Sent delivery=7 event=3
"""

import logging
from collections.abc import Mapping
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Final

from django.http import HttpRequest
from django.urls import Resolver404, resolve
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter as LibraryFormatter

from monitor.scrubbing import HIDDEN, scrub

# The only fields a record may carry besides its own: ids, codes and kinds. Whatever else a library adds
# with `extra` (a whole request, a task's arguments) stays out.
FIELDS: Final = (
    *("event", "delivery", "part", "attempt", "seat", "room", "account", "tube", "connector"),
    *("task", "task_id", "status_code"),
)
# What every record has, under the names it has in our JSON.
OWN_FIELDS: Final = {
    "asctime": "time",
    "levelname": "level",
    "name": "logger",
    "message": "message",
    "process": "process",
    "threadName": "thread",
}
# Parts of our addresses that let in whoever knows them, by their names in the table of addresses. Django
# logs the address of each request that it refuses or that fails.
KEYS: Final = frozenset({"secret", "key", "visited_key", "portal_key", "invitation_code", "token", "name"})
_LONG: Final = (
    6  # characters: what is shorter may stand in any word, and is hidden as a part of an address only
)
_formatter = logging.Formatter()
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_fields: ContextVar[Mapping[str, Any]] = ContextVar("log_fields", default=_NOTHING)


class context:
    """Fields for everything that is logged inside, in this thread; may be nested. Costs a microsecond."""

    __slots__ = ("_added", "_token")

    def __init__(self, **fields: int | str) -> None:
        self._added = fields
        self._token: Token[Mapping[str, Any]] | None = None

    def __enter__(self) -> None:
        around = _fields.get()
        self._token = _fields.set({**around, **self._added} if around else self._added)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._token is not None
        _fields.reset(self._token)


class ContextFilter(logging.Filter):
    """Puts the fields of the context on each record. What was given by `extra` goes before."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in _fields.get().items():
            if name not in record.__dict__:
                setattr(record, name, value)
        return True


def fields_of(record: logging.LogRecord) -> dict[str, int | str]:
    """The fields that this record may show, in their one order."""
    known = record.__dict__
    return {name: _short(known[name]) for name in FIELDS if known.get(name) is not None}


def clean(record: logging.LogRecord) -> logging.LogRecord:
    """A copy that holds finished texts only, without secrets, rows and fields that nobody allowed. No I/O."""
    error, keys = _told_by(record), _keys_in(record)
    own = {name: value for name, value in record.__dict__.items() if name in RESERVED_ATTRS}
    copy = logging.makeLogRecord(own | fields_of(record))
    copy.msg, copy.args, copy.exc_info = _hide(scrub(record.getMessage(), error), keys), None, None
    trace = _formatter.formatException(record.exc_info) if record.exc_info else record.exc_text
    copy.exc_text = _hide(scrub(trace, error), keys) if trace else None
    copy.stack_info = scrub(record.stack_info) if record.stack_info else None
    return copy


class LineFormatter(logging.Formatter):
    """For people: one line, and a traceback indented below it."""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(name)s [%(process)d %(threadName)s] %(message)s%(fields)s"
        )

    def format(self, record: logging.LogRecord) -> str:
        """The record as text. A line end in a message is spelled out: nobody can forge a record."""
        copy = clean(record)
        copy.msg = copy.msg.replace("\n", "\\n").replace("\r", "\\r")
        copy.fields = "".join(f" {name}={value}" for name, value in fields_of(copy).items())
        return super().format(copy).replace("\n", "\n    ")


class JsonFormatter(LibraryFormatter):
    """For machines: one JSON object per line."""

    def __init__(self) -> None:
        super().__init__(list(OWN_FIELDS), rename_fields=OWN_FIELDS | {"exc_info": "exception"})

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        return super().format(clean(record))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """When, in UTC and to the microsecond."""
        return datetime.fromtimestamp(record.created, UTC).isoformat()


def _short(value: Any) -> int | str:
    return value if isinstance(value, int) else scrub(str(value))[:100]


def _told_by(record: logging.LogRecord) -> BaseException | None:
    """The exception a record tells about: its own, or one among what its message was made of."""
    if record.exc_info and record.exc_info[1] is not None:
        return record.exc_info[1]
    given = record.args.values() if isinstance(record.args, Mapping) else record.args or ()
    return next((value for value in given if isinstance(value, BaseException)), None)


def _keys_in(record: logging.LogRecord) -> list[str]:
    """What must not be told of the address of the request that a record is about, if it is about one."""
    request = getattr(record, "request", None)
    if not isinstance(request, HttpRequest):
        return []
    try:
        found = request.resolver_match or resolve(request.path_info)
    except Resolver404:
        return []
    return [str(value) for name, value in found.kwargs.items() if name in KEYS and value]


def _hide(text: str, keys: list[str]) -> str:
    for key in sorted(keys, key=len, reverse=True):
        slash = "" if len(key) >= _LONG else "/"
        text = text.replace(f"{slash}{key}", f"{slash}{HIDDEN}")
    return text
