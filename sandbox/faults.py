"""Faults a test asks for: slow, broken, cut and wrong answers."""

import re
import threading
from dataclasses import dataclass


@dataclass(slots=True)
class Fault:
    """What to do to the next `count` API requests that match.

    | field | meaning |
    |---|---|
    | path | a regular expression, searched for in the path and query |
    | method | a regular expression for the whole method |
    | count | how many requests it spoils; -1: all |
    | skip | how many matching requests it lets pass first |
    | status | answer with this status instead |
    | body | the answer's body: a JSON value, or a string sent as HTML |
    | headers | more headers for the answer |
    | after | do the request's work before the answer is replaced |
    | latency | seconds to wait before the request's work |
    | delay | seconds to wait between the work and the answer |
    | drip | seconds between the bytes of the answer |
    | cut | after the work: close the connection `before` the answer, `inside` it, or send `garbage` |
    | drop_anchor | leave the not-before message out of the history answer |
    | malformed_card | break the JSON of the cards in the history answer |
    | padding | add a field of so many bytes to the answer |
    """

    path: str = ""
    method: str = ""
    count: int = 1
    skip: int = 0
    status: int | None = None
    body: object = None
    headers: dict[str, str] | None = None
    after: bool = False
    latency: float = 0.0
    delay: float = 0.0
    drip: float = 0.0
    cut: str = ""
    drop_anchor: bool = False
    malformed_card: bool = False
    padding: int = 0

    def __post_init__(self) -> None:
        try:
            re.compile(self.path)
            re.compile(self.method)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from error
        if self.cut not in ("", "before", "inside", "garbage"):
            raise ValueError("cut is one of: before, inside, garbage")

    def matches(self, method: str, path: str) -> bool:
        return bool(re.search(self.path, path) and re.fullmatch(self.method or ".*", method, re.IGNORECASE))


class Faults:
    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The oldest fault that wants this request, used up by one."""
        if not self._waiting:
            return None
        with self._lock:
            for fault in self._waiting:
                if not fault.matches(method, path):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.count -= 1
                if fault.count == 0:
                    self._waiting.remove(fault)
                return fault
        return None
