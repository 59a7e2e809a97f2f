"""Rooms and who sits in them; Tubes; what happened and where it goes."""

from tubes.models.events import Delivery, Event, Post
from tubes.models.notices import Installation, Listener, Notice
from tubes.models.portals import Portal, PortalRequest
from tubes.models.rooms import NameStyle, Room, RoomListing, Seat
from tubes.models.tubes import Tube

__all__ = [
    "Delivery",
    "Event",
    "Installation",
    "Listener",
    "NameStyle",
    "Notice",
    "Portal",
    "PortalRequest",
    "Post",
    "Room",
    "RoomListing",
    "Seat",
    "Tube",
]
