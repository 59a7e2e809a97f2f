"""Forms of rooms and Portals: searching a room, picking the second, whom a Portal lets in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, cast

from django import forms
from django.db.models import Case, When
from django.http import QueryDict

from accounts.models import LinkedAccount, User
from connectors.markup.sanitize import clean_name, clean_text
from sameroom import clock
from tubes.models import Portal, RoomListing, Seat
from tubes.models.rooms import RoomListingQuerySet
from tubes.relay import wordfilter
from tubes.services import Limits, Offer, joined_to, names_are_owned, offers_of, offers_own_voice
from tubes.services.opening import End

SHOWN = 50
MOST_INVITED = 20


@dataclass(frozen=True, slots=True)
class Found:
    """What a search shows: the first rooms, and how many more there are."""

    rooms: list[RoomListing]
    more: int
    offers: list[Offer] = field(default_factory=list)  # what can be done where none of them is meant

    @property
    def total(self) -> int:
        """How many match."""
        return len(self.rooms) + self.more


def candidates(user: User, far: End | None = None) -> RoomListingQuerySet:
    """The rooms a user may pick from: all of theirs, or those that the room `far` can still be joined to.

    That leaves out the same physical room, through whatever account, and each room that has an open Tube of
    theirs with it.
    """
    rooms = RoomListing.objects.owned_by(user)
    if far is None:
        return rooms
    for kind, space, remote_id in [far, *sorted(joined_to(user, far))]:
        rooms = rooms.exclude(account__kind=kind, account__space=space, remote_id=remote_id)
    return rooms


class RoomSearchForm(forms.Form):
    """One search box over the rooms of all linked accounts."""

    q = forms.CharField(required=False, max_length=200)

    def find(self, user: User, far: End | None = None) -> Found:
        """The rooms that match: by name, those behind an account that needs mending last."""
        words = self.cleaned_data["q"] if self.is_valid() else ""
        rooms = candidates(user, far).search(words).select_related("account")
        usable_first = Case(When(account__in=LinkedAccount.objects.usable(), then=0), default=1)
        rooms = rooms.order_by(usable_first, "name", "account_id", "pk")
        shown = list(rooms[: SHOWN + 1])
        offers = offers_of(user) if words else []
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

    def __init__(self, *args: Any, user: User, far: End, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        picked = cast("forms.ModelChoiceField[RoomListing]", self.fields["side_b"])
        picked.queryset = candidates(user, far).select_related("account")


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
        fields: ClassVar[tuple[str, ...]] = (
            *("name_style", "shows_team", "posts_as_owner", "direction", "rings_everybody"),
            *("takes_files", "takes_presence", "takes_notices", "takes_news", "filtered_words"),
        )
        widgets: ClassVar[dict[str, forms.Widget]] = {
            "filtered_words": forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"})
        }
        labels: ClassVar[dict[str, str]] = {
            "name_style": "Authors are shown by",
            "shows_team": "Name the team behind the author",
            "posts_as_owner": "Post what I say elsewhere as me, without my name before it",
            "direction": "Messages pass",
            "rings_everybody": "Let @all and @here from other rooms ring everybody here",
            "takes_files": "Post files from other rooms",
            "takes_presence": "Say here who joins and leaves other rooms",
            "filtered_words": "Keep out messages with these words",
            "takes_notices": "Say here when messages are missing or late",
            "takes_news": "Say here what becomes of Tubes",
        }
        help_texts: ClassVar[dict[str, str]] = {
            "posts_as_owner": "What you say with another account that you have linked. It looks as if you "
            "had typed it here, to bots as well.",
            "rings_everybody": "Otherwise the words are shown, and nobody is called.",
            "takes_files": "Otherwise only their names and sizes are told.",
            "takes_presence": "And what their topics become, as far as their service tells.",
            "filtered_words": "One word or phrase to a line, in capitals or not. Other rooms still get them.",
            "takes_notices": "When messages were left out or lost, come late, or the daily limit is reached. "
            "Manage shows it in any case.",
            "takes_news": "When one is opened, paused, resumed or closed, stands still or works again.",
            "direction": "Your side only. The people at the other side have a say of their own.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not offers_own_voice(self.instance):
            del self.fields["posts_as_owner"]

    def clean_filtered_words(self) -> str:
        words = wordfilter.listed(clean_text(self.cleaned_data["filtered_words"]))
        if len(words) > wordfilter.MOST:
            raise forms.ValidationError(
                f"{wordfilter.MOST} words and phrases at the most. Take out {len(words) - wordfilter.MOST}."
            )
        for word in words:
            if len(word) > wordfilter.LONGEST:
                raise forms.ValidationError(
                    f"“{word[:20]}…” is too long: {wordfilter.LONGEST} characters at the most. "
                    "Put each word or phrase on a line of its own."
                )
            if not wordfilter.is_word(word):
                raise forms.ValidationError(f"“{word}” is no word. Take it out, or add letters to it.")
        return "\n".join(words)

    @property
    def options(self) -> dict[str, Any]:
        """What the valid form says, by name."""
        return {name: self.cleaned_data[name] for name in self._meta.fields or () if name in self.fields}


class RoomOptionsForm(PostingOptionsForm):
    """How messages arrive in one room, and who may command there."""

    class Meta(PostingOptionsForm.Meta):
        fields = (*PostingOptionsForm.Meta.fields, "commanders", "listed_people")
        widgets: ClassVar[dict[str, forms.Widget]] = {
            **PostingOptionsForm.Meta.widgets,
            "listed_people": forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        }
        labels: ClassVar[dict[str, str]] = {
            **PostingOptionsForm.Meta.labels,
            "commanders": "Commands in this room are for",
            "listed_people": "Listed people",
        }
        help_texts: ClassVar[dict[str, str]] = {
            **PostingOptionsForm.Meta.help_texts,
            "commanders": "-sameroom help, who, status, ping and map only ask; the others change something.",
            "listed_people": "By user name or id at the service, with blanks or commas between them; "
            "a name that is only shown could be anybody’s. Your linked account itself may always.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        commanders = cast("forms.ChoiceField", self.fields["commanders"])
        # Shorter than the model's: a phone shows 36 letters of a choice.
        brief = {Seat.Commanders.ASKING: "Everyone to ask, listed to change"}
        commanders.choices = [(it, brief.get(it, it.label)) for it in Seat.Commanders]
        if not names_are_owned(self.instance):
            del self.fields["listed_people"]
            commanders.choices = [
                (Seat.Commanders.EVERYONE, Seat.Commanders.EVERYONE.label),
                (Seat.Commanders.ASKING, "Everyone to ask"),
                (Seat.Commanders.NOBODY, Seat.Commanders.NOBODY.label),
            ]
            commanders.help_text = (
                f"{commanders.help_text} Anybody can take a name here: nobody can be listed."
            )


class PortalForm(forms.Form):
    """Whom a Portal lets in."""

    MOST: ClassVar[int] = 10_000

    needs_approval = forms.BooleanField(
        label="Ask me before a room is joined",
        required=False,
        help_text="You get a mail for each request, and decide on Manage.",
    )
    expires_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="At its end (UTC) nobody can join any more. Rooms that have joined stay.",
        error_messages={"invalid": "Write the day as 2030-12-31."},
    )
    most_tubes = forms.IntegerField(
        label="Rooms at once",
        required=False,
        min_value=1,
        max_value=MOST,
        help_text="So many rooms may be joined at the same time. Empty: any number.",
        error_messages={
            "invalid": "Write a whole number, such as 5.",
            "min_value": "At least one room, or leave it empty for any number.",
            "max_value": "10 000 rooms at the most, or leave it empty for any number.",
        },
    )

    def clean_expires_on(self) -> date | None:
        day: date | None = self.cleaned_data["expires_on"]
        if day is not None and day < clock.now().date():
            raise forms.ValidationError("This day is over. Choose today or a later one.")
        return day

    @property
    def limits(self) -> Limits:
        """What the valid form says."""
        day = self.cleaned_data["expires_on"]
        return Limits(
            needs_approval=self.cleaned_data["needs_approval"],
            expires_at=_end_of(day) if day else None,
            most_tubes=self.cleaned_data["most_tubes"],
        )

    @classmethod
    def of(cls, portal: Portal, data: QueryDict | None) -> PortalForm:
        """The form of a Portal there is."""
        last = portal.expires_at - timedelta(microseconds=1) if portal.expires_at else None
        initial = {
            "needs_approval": portal.needs_approval,
            "expires_on": last.date() if last else None,
            "most_tubes": portal.most_tubes,
        }
        return cls(data, initial=initial)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)
