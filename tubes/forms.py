"""Forms of rooms: searching one, and picking the second."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from django import forms
from django.db.models import Case, When

from accounts.models import LinkedAccount, User
from connectors.markup.sanitize import clean_name
from tubes.models import RoomListing, Seat
from tubes.models.rooms import RoomListingQuerySet
from tubes.services import Offer, end_of, joined_to, offers_of

SHOWN = 50
MOST_INVITED = 20


@dataclass(frozen=True, slots=True)
class Found:
    """What a search shows: the first rooms, and how many more there are."""

    rooms: list[RoomListing]
    more: int
    offers: list[Offer] = field(default_factory=list)  # what can be done where there are none


def candidates(user: User, side_a: RoomListing | None = None) -> RoomListingQuerySet:
    """The rooms a user may pick from: all of theirs, or those that `side_a` can still be joined to.

    For Side B that leaves out the same physical room, through whatever account, and each room that
    already has an open Tube with it.
    """
    rooms = RoomListing.objects.owned_by(user)
    if side_a is None:
        return rooms
    here = end_of(side_a)
    for kind, space, remote_id in [here, *sorted(joined_to(user, here))]:
        rooms = rooms.exclude(account__kind=kind, account__space=space, remote_id=remote_id)
    return rooms


class RoomSearchForm(forms.Form):
    """One search box over the rooms of all linked accounts."""

    q = forms.CharField(required=False, max_length=200)

    def find(self, user: User, side_a: RoomListing | None = None) -> Found:
        """The rooms that match: by name, those behind an account that needs mending last."""
        words = self.cleaned_data["q"] if self.is_valid() else ""
        rooms = candidates(user, side_a).search(words).select_related("account")
        usable_first = Case(When(account__in=LinkedAccount.objects.usable(), then=0), default=1)
        rooms = rooms.order_by(usable_first, "name", "account_id", "pk")
        shown = list(rooms[: SHOWN + 1])
        offers = offers_of(user) if words and not shown else []
        return Found(shown[:SHOWN], rooms.count() - SHOWN if len(shown) > SHOWN else 0, offers)


class SideBForm(forms.Form):
    """The room picked as Side B, by its public code."""

    side_b = forms.ModelChoiceField(
        RoomListing.objects.none(),
        to_field_name="code",
        error_messages={
            "required": "Pick a room for Side B.",
            "invalid_choice": "That room cannot be picked any more. Pick another one.",
        },
    )

    def __init__(self, *args: Any, user: User, side_a: RoomListing, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        picked = cast("forms.ModelChoiceField[RoomListing]", self.fields["side_b"])
        picked.queryset = candidates(user, side_a).select_related("account")


class RoomAddressForm(forms.Form):
    """What somebody typed to find a room by."""

    address = forms.CharField(
        max_length=255,
        error_messages={
            "required": "Type the room’s address first.",
            "max_length": "No room has so long an address. Type it again.",
        },
    )


class NewRoomForm(forms.Form):
    """A room to be made, and who is to be asked in."""

    LONGEST: ClassVar[int] = 100

    name = forms.CharField(
        label="Name",
        max_length=LONGEST,
        error_messages={
            "required": "Give the room a name.",
            "max_length": "A name has 100 characters at the most.",
        },
    )
    invited = forms.CharField(
        label="People to invite",
        max_length=2000,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="By their ids at the service, with blanks between them.",
    )

    def clean_name(self) -> str:
        return clean_name(self.cleaned_data["name"])

    def clean_invited(self) -> list[str]:
        people = list(dict.fromkeys(self.cleaned_data["invited"].replace(",", " ").split()))
        if len(people) > MOST_INVITED:
            raise forms.ValidationError(
                f"Invite {MOST_INVITED} people at the most; they can invite the others."
            )
        return people


class PostingOptionsForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """How messages arrive in one room."""

    class Meta:
        model = Seat
        fields = ("name_style", "shows_team", "direction", "rings_everybody", "takes_notices")
        labels: ClassVar[dict[str, str]] = {
            "name_style": "Authors are shown by",
            "shows_team": "Name the team behind the author",
            "direction": "Messages pass",
            "rings_everybody": "Let @all and @here from other rooms ring everybody here",
            "takes_notices": "Post Sameroom’s own notices here",
        }
        help_texts: ClassVar[dict[str, str]] = {
            "rings_everybody": "Otherwise the words are shown, and nobody is called.",
            "takes_notices": "When messages were left out, or come late. Manage shows them in any case.",
            "direction": "Your side only. The people at the other side have a say of their own.",
        }
