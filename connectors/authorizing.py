"""Linking by redirect: a service asks its user itself, and sends them back to us with a code (OAuth 2.0)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from connectors.model import Identity, Login

if TYPE_CHECKING:
    from connectors.base import Connector


class Authorization(ABC):
    """How one service does it. Its steps stand in `connectors/<kind>/authorize.html`.

    The state, which proves that an answer belongs to a question of ours, is the caller's affair.
    """

    @abstractmethod
    def is_offered(self) -> bool:
        """Whether the operator has registered Sameroom with the service. No I/O."""

    @abstractmethod
    def address(self, *, state: str, back: str) -> str:
        """Where the browser is sent; from there it comes to `back` with `state` and a code. No I/O."""

    @abstractmethod
    def login(self, *, code: str, back: str) -> Login:
        """Trade the code for a login. Network I/O; NOT safe to repeat. LoginRejected, RetryLater."""

    @abstractmethod
    def refusal(self, error: str) -> str:
        """The sentence for an answer that has an error in the place of a code. No I/O."""


class Proof(Protocol):
    """A login that has just worked, however it was handed over."""

    @property
    def connector_class(self) -> type[Connector]:
        """Its service."""

    @property
    def identity(self) -> Identity:
        """Who it is there."""

    def secrets(self) -> dict[str, str]:
        """What has to be kept, encrypted, to log in again."""


@dataclass(frozen=True, slots=True)
class Authorized:
    """The proof that comes of a code."""

    connector_class: type[Connector]
    identity: Identity
    credentials: Mapping[str, str] = field(repr=False)

    def secrets(self) -> dict[str, str]:
        """As `Proof.secrets`."""
        return dict(self.credentials)


def authorization_of(service: type[Connector] | None) -> Authorization | None:
    """How a service is linked by redirect, where this installation can do it. No I/O."""
    way = service.authorization if service else None
    return way if way is not None and way.is_offered() else None


def authorized(service: type[Connector], *, code: str, back: str) -> Authorized:
    """Trade a code, and log in with what it brings. Network I/O; NOT safe to repeat. ConnectorError."""
    way = authorization_of(service)
    if way is None:
        raise LookupError(f"{service.label} is not linked by redirect here.")
    login = way.login(code=code, back=back)
    return Authorized(service, service(login).verify(), login.credentials)
