"""Physical rooms, the Seats by which owners reach them, and the listing that search looks through."""

from __future__ import annotations

from typing import Any, ClassVar

from django.apps import apps
from django.db import models

from accounts.codes import new_code
from accounts.models import LinkedAccount, User
from connectors.base import Cursor, MessageId
from connectors.markup.sanitize import fold
from sameroom import clock
from tubes.models.folding import FoldedName, FoldingQuerySet, words_of


class RoomListingQuerySet(FoldingQuerySet["RoomListing"]):
    def owned_by(self, user: Any) -> RoomListingQuerySet:
        """Rooms of the user's accounts, and those of shared accounts that the user has proved a right to."""
        return self.filter(owner=user)

    def search(self, text: str) -> RoomListingQuerySet:
        """Rooms in which every word of `text` occurs: in the room's, the team's or the account's name.

        In capitals or not, in any alphabet. One query, for the accounts, which are few; none without words.
        """
        found, words = self, words_of(text)
        accounts = _names_of(self) if words else {}
        for word in words:
            named = [account for account, names in accounts.items() if word in names]
            found = found.filter(models.Q(folded_name__contains=word) | models.Q(account__in=named))
        return found


def _names_of(listings: RoomListingQuerySet) -> dict[int, str]:
    """The accounts of these rooms → their own names and their teams', folded."""
    # Distinct: else PostgreSQL looks for the rooms of each account there is.
    accounts = LinkedAccount.objects.filter(pk__in=listings.order_by().values("account").distinct())
    names = accounts.values_list("pk", "team_name", "remote_user_name")
    return {pk: f"{fold(team)}\n{fold(user)}" for pk, team, user in names}


class RoomListing(models.Model):
    """A room that an account could enter when it was last asked. Only search reads these."""

    code = models.CharField(max_length=32, unique=True, default=new_code, editable=False)
    account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="listings")
    # Who may pick the room: whose account it is, or, where that is shared, who has proved a right to it.
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="room_listings")
    remote_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    folded_name = FoldedName(default="", db_default="", editable=False)
    topic = models.CharField(max_length=255, blank=True)
    is_private = models.BooleanField(default=False)
    is_invitation = models.BooleanField(
        default=False, help_text="The account is asked into the room; opening a Tube to it accepts."
    )
    refreshed_at = models.DateTimeField(default=clock.now)

    objects = RoomListingQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["account", "remote_id", "owner"], name="one_listing_per_account_room_and_owner"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RoomQuerySet(FoldingQuerySet["Room"]):
    """Rooms, whose names are folded as they are written."""


class Room(models.Model):
    """A physical room: however many accounts see it, there is one row."""

    kind = models.CharField(max_length=32)
    space = models.CharField(max_length=255)
    remote_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    folded_name = FoldedName(default="", db_default="", editable=False)
    is_archived = models.BooleanField(default=False)
    reader = models.ForeignKey("Seat", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # Where reading goes on. Any Seat can resume from it through the service's history.
    read_id = models.CharField(max_length=255, blank=True)
    read_time = models.DateTimeField(null=True, blank=True)
    next_poll_at = models.DateTimeField(null=True, blank=True)
    read_failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    # How often its service has announced news since that can be relied on (0: it cannot), and how many of
    # these were known when it was read last. Before the time below announced news are not read.
    pushes = models.PositiveBigIntegerField(default=0, editable=False)
    pushes_read = models.PositiveBigIntegerField(default=0, editable=False)
    read_no_sooner = models.DateTimeField(null=True, blank=True, editable=False)
    next_event_number = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = RoomQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["kind", "space", "remote_id"], name="one_row_per_physical_room")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["next_poll_at"], name="rooms_due", condition=models.Q(next_poll_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_announced(self) -> bool:
        """Whether its service tells us of its news, so that polling is only for safety. Reads the reader."""
        return self.pushes > 0 and self.reader is not None and bool(self.reader.hook_id)

    @property
    def cursor(self) -> Cursor | None:
        """Where reading goes on; None while nothing was ever said in the room."""
        if not self.read_id or self.read_time is None:
            return None
        return Cursor(id=MessageId(self.read_id), time=self.read_time)


class SeatQuerySet(models.QuerySet["Seat"]):
    def owned_by(self, user: Any) -> SeatQuerySet:
        return self.filter(owner=user)

    def in_use(self) -> SeatQuerySet:
        """Seats at an end of a Tube that is not closed, or of a Portal that is not deleted.

        Only for these may an account be used. What is posted needs more, see `joined`.
        """
        portal = apps.get_model("tubes", "Portal")
        portals = portal._default_manager.filter(seat=models.OuterRef("pk"), deleted_at=None)
        return self.filter(at_a_tube() | models.Exists(portals))

    def joined(self) -> SeatQuerySet:
        """Seats at an end of a Tube that is not closed: only through these is anything posted."""
        return self.filter(at_a_tube())

    def working(self) -> SeatQuerySet:
        """Seats through which calls can be made, in use or not."""
        return self.filter(failure="", account__status__in=LinkedAccount.USABLE)

    def able(self) -> SeatQuerySet:
        """Seats in use through which calls may be made."""
        return self.in_use().working()


def at_a_tube() -> models.Q:
    """Whether a Seat is at an end of an open Tube; by name, because Seats come before Tubes."""
    tubes = apps.get_model("tubes", "Tube")._default_manager.exclude(status="closed")
    ends = [tubes.filter(**{side: models.OuterRef("pk")}) for side in ("side_a", "side_b")]
    return models.Q(models.Exists(ends[0])) | models.Q(models.Exists(ends[1]))


class NameStyle(models.TextChoices):
    """How an author's name is shown in a room."""

    DISPLAY = "display", "Display Name"
    USERNAME = "username", "Username"
    BOTH = "both", "Display Name (Username)"


class Seat(models.Model):
    """One owner's access to a Room through an account, with that side's posting options.

    A Seat is also a lane: what is to be posted through it goes out strictly in order, by whoever
    holds its lease.
    """

    class Direction(models.TextChoices):
        BOTH = "both", "Both ways"
        IN = "in", "Nothing out of this room"
        OUT = "out", "Nothing into this room"

    class Commanders(models.TextChoices):
        EVERYONE = "everyone", "Everyone, all of them"
        ASKING = "asking", "Everyone those that only ask; listed people all"
        LISTED = "listed", "Listed people only"
        NOBODY = "nobody", "Nobody"

    code = models.CharField(max_length=32, unique=True, default=new_code, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="seats")
    account = models.ForeignKey(LinkedAccount, on_delete=models.CASCADE, related_name="seats")
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="seats")
    failure = models.TextField(blank=True, help_text="Why this Seat cannot read or post; empty while it can.")
    failed_since = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(default=clock.now, help_text="When its access was last confirmed.")
    # Posting options, for everything that arrives in the room through this Seat.
    name_style = models.CharField(max_length=16, choices=NameStyle, default=NameStyle.DISPLAY)
    shows_team = models.BooleanField(default=True)
    takes_notices = models.BooleanField(default=True)
    takes_news = models.BooleanField(
        default=False, help_text="Whether the room hears of Tubes that open, close, pause or stand still."
    )
    rings_everybody = models.BooleanField(
        default=False, help_text="Whether @all and @here said in other rooms ring everybody here."
    )
    posts_as_owner = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether what its owner says in other rooms is posted without their name before it.",
    )
    takes_files = models.BooleanField(
        default=True, db_default=True, help_text="Whether files are posted or linked; else only told of."
    )
    takes_presence = models.BooleanField(
        default=False, db_default=False, help_text="Whether the room hears who comes and goes in others."
    )
    filtered_words = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="Words and phrases, one to a line; what holds one is not posted.",
    )
    direction = models.CharField(max_length=8, choices=Direction, default=Direction.BOTH)
    # Who may give commands in the room, as far as they act for this Seat.
    commanders = models.CharField(max_length=8, choices=Commanders, default=Commanders.ASKING)
    listed_people = models.TextField(blank=True, max_length=2000)
    has_mutes = models.BooleanField(
        default=False, editable=False, help_text="So that routing asks for mutes only where there are some."
    )
    # By what name the service stops pushing what is said in the room; empty: it was not told to push.
    hook_id = models.CharField(max_length=255, blank=True, editable=False)
    # When that has to be looked at next; null: never.
    hook_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Since when its account's stream may have passed over what is said here; null: it brings it, or need not.
    unheard_since = models.DateTimeField(null=True, blank=True, editable=False)
    # The lane's lease.
    lane_fence = models.PositiveBigIntegerField(default=0, editable=False)
    lane_lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    # Before this nothing is sent: the service, or our budget, said so, or it does not answer.
    lane_not_before = models.DateTimeField(null=True, blank=True, editable=False)
    # Since when a limit has kept this lane from emptying.
    throttled_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = SeatQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["account", "room", "owner"], name="one_seat_per_account_room_owner"
            ),
            models.CheckConstraint(
                condition=models.Q(direction__in=["both", "in", "out"]), name="known_direction"
            ),
            models.CheckConstraint(
                condition=models.Q(name_style__in=["display", "username", "both"]), name="known_name_style"
            ),
            models.CheckConstraint(
                condition=models.Q(commanders__in=["everyone", "asking", "listed", "nobody"]),
                name="known_commanders",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["hook_due_at"], name="hooks_due", condition=models.Q(hook_due_at__isnull=False)
            ),
            models.Index(
                fields=["unheard_since"], name="unheard", condition=models.Q(unheard_since__isnull=False)
            ),
            models.Index(
                fields=["room"], name="seats_told_of_presence", condition=models.Q(takes_presence=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.room} through {self.account}"

    @property
    def lets_out(self) -> bool:
        """Whether what is said in the room may leave it through this Seat."""
        return self.direction != self.Direction.IN

    @property
    def lets_in(self) -> bool:
        """Whether messages may be posted into the room through this Seat."""
        return self.direction != self.Direction.OUT
