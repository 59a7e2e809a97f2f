"""Rooms and who sits in them; Tubes; what happened and where it goes; what people ask of us."""

from tubes.models.claims import RoomClaim
from tubes.models.commands import Command, JoinCode, MapLink, Mute
from tubes.models.events import Delivery, Event, Post
from tubes.models.notices import Installation, Listener, Notice
from tubes.models.portals import Portal, PortalRequest
from tubes.models.rooms import NameStyle, Room, RoomListing, Seat
from tubes.models.tubes import Tube

__all__ = [
    "Command",
    "Delivery",
    "Event",
    "Installation",
    "JoinCode",
    "Listener",
    "MapLink",
    "Mute",
    "NameStyle",
    "Notice",
    "Portal",
    "PortalRequest",
    "Post",
    "Room",
    "RoomClaim",
    "RoomListing",
    "Seat",
    "Tube",
]
