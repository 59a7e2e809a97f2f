"""Decisions about Tubes and the Seats at their ends."""

from tubes.services.again import NotAgain, deliveries_send_again, delivery_send_again, prospects
from tubes.services.entering import Offer, RoomRefused, offers_of, room_enter, room_make
from tubes.services.notices import notice_dismiss, notices_dismiss
from tubes.services.opening import TubeRefused, end_of, joined_to, tube_open
from tubes.services.options import options_preview, options_set
from tubes.services.running import (
    rooms_rewatch,
    tube_close,
    tube_pause,
    tube_resume,
    tube_retry,
    tubes_of_account,
)
from tubes.services.state import Standing, TubeState, standing_of, tube_state
from tubes.services.undelivered import Lost, undelivered_of, undelivered_rows, undelivered_words

__all__ = [
    "Lost",
    "NotAgain",
    "Offer",
    "RoomRefused",
    "Standing",
    "TubeRefused",
    "TubeState",
    "deliveries_send_again",
    "delivery_send_again",
    "end_of",
    "joined_to",
    "notice_dismiss",
    "notices_dismiss",
    "offers_of",
    "options_preview",
    "options_set",
    "prospects",
    "room_enter",
    "room_make",
    "rooms_rewatch",
    "standing_of",
    "tube_close",
    "tube_open",
    "tube_pause",
    "tube_resume",
    "tube_retry",
    "tube_state",
    "tubes_of_account",
    "undelivered_of",
    "undelivered_rows",
    "undelivered_words",
]
