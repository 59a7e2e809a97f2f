"""Where the sources on HipChat are silent or disagree, the sandbox can behave either way."""

from dataclasses import dataclass


@dataclass(slots=True)
class Switches:
    """What to do in the cases nobody could confirm.

    | switch | values |
    |---|---|
    | unknown_not_before | `ignore` the parameter, or answer `404` |
    | timezone_with_end_date | `401` as HipChat did by mistake, or `accept` |
    | history_item | one message `wrapped` in {"message": ...}, or `bare` |
    | reset_as_delta | while limited, the reset headers say 60 instead of a Unix time |
    | forbidden_room | `403` or `404` for a private room of others |
    | date_lag_seconds | how far date queries run behind |
    | authenticated_files | uploads need a call to /file/{id} instead of being public |
    """

    unknown_not_before: str = "ignore"
    timezone_with_end_date: str = "401"
    history_item: str = "wrapped"
    reset_as_delta: bool = False
    forbidden_room: str = "403"
    date_lag_seconds: float = 0.0
    authenticated_files: bool = False

    CHOICES = {  # noqa: RUF012 - no annotation, so that it is no field
        "unknown_not_before": ("ignore", "404"),
        "timezone_with_end_date": ("401", "accept"),
        "history_item": ("wrapped", "bare"),
        "forbidden_room": ("403", "404"),
    }
