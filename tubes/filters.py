"""What Manage is narrowed to, as its address says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.db.models import Q

from accounts.models import LinkedAccount, User
from connectors.registry import connectors
from tubes.models import Tube
from tubes.models.folding import words_of
from tubes.models.portals import PortalQuerySet
from tubes.models.tubes import TubeQuerySet
from tubes.relay import standing

PORTAL: Final = "portal"  # stands among the states: Portals, and no Tubes


def _at_either_side(condition: Callable[[str], Q]) -> Q:
    return condition("side_a") | condition("side_b")


def _has_failed(side: str) -> Q:
    """Its account needs mending, or it has lost its room; which is not archived."""
    usable = Q(**{f"{side}__account__status__in": LinkedAccount.USABLE})
    lost = ~Q(**{f"{side}__failure": ""})
    return Q(**{f"{side}__room__is_archived": False}) & (~usable | lost)


RUNNING: Final = Q(status=Tube.Status.ACTIVE)
ARCHIVED: Final = _at_either_side(lambda side: Q(**{f"{side}__room__is_archived": True}))
FAILED: Final = _at_either_side(_has_failed)


def _is_waiting(viewer: User) -> Q:
    """Tubes in which something stands still, and nothing else is wrong. One query."""
    stuck = standing.stuck_seats_of(viewer.pk)
    retrying = LinkedAccount.Status.RETRYING
    return _at_either_side(
        lambda side: Q(**{f"{side}__in": stuck}) | Q(**{f"{side}__account__status": retrying})
    )


STATES: Final[dict[str, tuple[str, Callable[[User], Q]]]] = {
    "active": ("Active", lambda viewer: RUNNING & ~ARCHIVED & ~FAILED & ~_is_waiting(viewer)),
    "waiting": ("Waiting", lambda viewer: RUNNING & ~ARCHIVED & ~FAILED & _is_waiting(viewer)),
    "failed": ("Failed", lambda _: RUNNING & FAILED),
    "archived": ("Archived room", lambda _: RUNNING & ARCHIVED),
    "paused": ("Paused", lambda _: Q(status=Tube.Status.PAUSED)),
}


class ManageFilter(forms.Form):
    """Which Tubes and Portals Manage shows: those in a state, at a service, with rooms of a name."""

    q = forms.CharField(
        label="Room",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Room", "autocomplete": "off"}),
    )
    state = forms.ChoiceField(label="State", required=False)
    service = forms.ChoiceField(label="Service", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        states = [*((name, label) for name, (label, _) in STATES.items()), (PORTAL, "Portals")]
        services = [(kind, service.label) for kind, service in connectors().items()]
        for name, choices, any_of_them in (
            ("state", states, "Any state"),
            ("service", services, "Any service"),
        ):
            self.fields[name].choices = [("", any_of_them), *choices]  # type: ignore[attr-defined]
        for name, field in self.fields.items():
            field.widget.attrs |= {"class": "input", "id": f"filter-{name}"}

    @property
    def chosen(self) -> dict[str, str]:
        """What is narrowed by, by name; a value that makes no sense is not among it."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def query(self) -> str:
        """It again, as a part of an address."""
        return urlencode(self.chosen)

    def tubes(self, tubes: TubeQuerySet, viewer: User) -> TubeQuerySet:
        """Those of these Tubes that are to be shown. Where has to be known what waits, one query."""
        chosen = self.chosen
        for path, value in self._wanted:
            tubes = tubes.filter(Q(**{f"side_a__{path}": value}) | Q(**{f"side_b__{path}": value}))
        if chosen.get("state") == PORTAL:
            return tubes.none()
        return tubes.filter(STATES[chosen["state"]][1](viewer)) if "state" in chosen else tubes

    def portals(self, portals: PortalQuerySet) -> PortalQuerySet:
        """Those of these Portals that are to be shown. No I/O."""
        for path, value in self._wanted:
            portals = portals.filter(**{f"seat__{path}": value})
        return portals if self.chosen.get("state", PORTAL) == PORTAL else portals.none()

    @property
    def _wanted(self) -> list[tuple[str, str]]:
        """What one of the sides has to have, as lookups from a Seat."""
        words = words_of(self.chosen.get("q", ""))
        kind = self.chosen.get("service")
        return [("room__folded_name__contains", word) for word in words] + (
            [("account__kind", kind)] if kind else []
        )
