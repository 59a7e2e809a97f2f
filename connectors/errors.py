"""What can go wrong at a service. The class is the next step; the text is shown to the user.

    ConnectorError          names the service, never a secret
    ├── RetryLater          surely not done: refused connection, 429 (on reads also 5xx): again, with back-off
    ├── DeliveryUnknown     cut off, 5xx or unreadable after a write: settled first, then perhaps again
    ├── LoginRejected       token or password refused: the account needs a login, its owner is asked once
    ├── RoomGone            kicked, archived, deleted: the room's Tubes fail, their owners are told
    ├── MessageRejected     too long, filtered: this delivery fails, the rest go on
    ├── FileGone            a file cannot be fetched, now or later: its name is told instead
    └── UnsupportedAction   the service cannot do it: skipped and counted

`client.py` of a connector turns every library exception into one of these. Any other exception is
our bug: it travels up, is logged with its traceback, and marks nothing as sent.
"""

SOONEST, LATEST = 0.1, 3600.0  # seconds


class ConnectorError(Exception):
    """Something went wrong at a service; `str(error)` is a sentence for the user."""


class RetryLater(ConnectorError):
    """Surely not done. `seconds` says when to try again, where the service said so."""

    def __init__(self, message: str, *, seconds: float | None = None) -> None:
        super().__init__(message)
        # Bounded, whatever a service says: never again at once, never "in thirty years".
        self.seconds = None if seconds is None else min(max(seconds, SOONEST), LATEST)


class DeliveryUnknown(ConnectorError):
    """A write was cut off or answered unreadably: it may have been done."""


class LoginRejected(ConnectorError):
    """The service refused our credentials, or they lack a permission we need."""


class RoomGone(ConnectorError):
    """The room is archived, deleted, or closed to this account."""


class MessageRejected(ConnectorError):
    """The service will never take this message."""


class FileGone(ConnectorError):
    """A file is gone, too large, or kept from us. `why` is a clause for the line that tells of the file."""

    def __init__(self, message: str, *, why: str = "not given out") -> None:
        super().__init__(message)
        self.why = why


class UnsupportedAction(ConnectorError):
    """The service has no such ability."""
