"""API tokens: personal ones, and those of add-ons."""

import secrets
import string
import uuid
from collections.abc import Iterable

from .clock import MICRO, Clock
from .records import SCOPES, Missing, SandboxError, Token, User
from .store import Store

# HipChat API v2, token kinds: a personal token lives one year, then answers 401.
YEAR = 365 * 24 * 3600
ALPHABET = string.ascii_letters + string.digits


def new_token() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(40))


class Tokens:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create(
        self,
        *,
        group_id: int,
        user: User | None,
        scopes: Iterable[str],
        label: str = "",
        expires_in: float | None = None,
        room_id: int | None = None,
    ) -> Token:
        """A fresh token. Without a user it is an add-on's, with a room valid there only."""
        wanted = sorted(set(scopes))
        unknown = [scope for scope in wanted if scope not in SCOPES]
        if unknown or not wanted:
            raise SandboxError(f"Unknown scopes: {', '.join(unknown)}" if unknown else "Pick a scope.")
        now = self._clock.micros()
        token = new_token()
        self._store.insert(
            "tokens",
            token=token,
            client_id=str(uuid.uuid4()),
            group_id=group_id,
            user_id=user.id if user else None,
            room_id=room_id,
            label=label or "Token",
            scopes=wanted,
            created=now,
            expires=now + int((YEAR if expires_in is None else expires_in) * MICRO),
            is_revoked=False,
        )
        return self.get(token)

    def get(self, token: str) -> Token:
        row = self._store.row("SELECT * FROM tokens WHERE token = ?", token)
        if row is None:
            raise Missing("No such token")
        return Token(**row)

    def valid(self, token: str) -> Token | None:
        """The token, None if it is unknown, revoked or past its year."""
        row = self._store.row(
            "SELECT * FROM tokens WHERE token = ? AND NOT is_revoked AND expires > ?",
            token,
            self._clock.micros(),
        )
        return Token(**row) if row else None

    def of_user(self, user_id: int) -> list[Token]:
        """A user's tokens that are not revoked, newest first."""
        rows = self._store.rows(
            "SELECT * FROM tokens WHERE user_id = ? AND NOT is_revoked ORDER BY created DESC", user_id
        )
        return [Token(**row) for row in rows]

    def all(self) -> list[Token]:
        return [Token(**row) for row in self._store.rows("SELECT * FROM tokens ORDER BY created")]

    def revoke(self, token: str) -> None:
        self.get(token)
        self._store.write("UPDATE tokens SET is_revoked = 1 WHERE token = ?", token)

    def expire(self, token: str) -> None:
        self.get(token)
        self._store.write("UPDATE tokens SET expires = ? WHERE token = ?", self._clock.micros(), token)
