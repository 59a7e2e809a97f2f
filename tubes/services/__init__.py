"""Decisions about Tubes and the Seats at their ends."""

from tubes.services.again import NotAgain, deliveries_send_again, delivery_send_again, prospects
from tubes.services.bringing_back import Followed
from tubes.services.claiming import (
    ClaimRefused,
    claim_begin,
    claim_code,
    listing_forget,
    listings_keep,
    shared_accounts,
)
from tubes.services.commanding.allowed import names_are_owned
from tubes.services.crossings import Crossing, crossing_rows, crossings_of
from tubes.services.drawing import drawing_of, rows_of
from tubes.services.entering import Offer, RoomRefused, offers_of, room_enter, room_make
from tubes.services.joining import tube_join, tube_just_opened
from tubes.services.maps import HOURS as MAP_HOURS
from tubes.services.maps import map_link_find, map_link_make
from tubes.services.muting import mute_remove
from tubes.services.networks import flow_of, network_of
from tubes.services.notices import notice_dismiss, notices_dismiss, notices_restore
from tubes.services.onboarding import FirstSteps, first_steps_again, first_steps_end, first_steps_of
from tubes.services.opening import TubeRefused, end_of, joined_to, tube_open
from tubes.services.options import (
    COMMANDING,
    OPTIONS,
    offers_own_voice,
    options_preview,
    options_set,
    own_preview,
)
from tubes.services.portal_visits import (
    Door,
    end_of_portal,
    portal_door,
    portal_join,
    portal_request_approve,
    portal_request_decline,
    portal_request_withdraw,
)
from tubes.services.portals import (
    Limits,
    options_take,
    portal_change,
    portal_close_tubes,
    portal_create,
    portal_delete,
    portals_of_account,
    seat_like,
    tubes_of_portal,
)
from tubes.services.reopening import TubesBack, portal_restore, tube_reopen
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
    "COMMANDING",
    "MAP_HOURS",
    "OPTIONS",
    "ClaimRefused",
    "Crossing",
    "Door",
    "FirstSteps",
    "Followed",
    "Limits",
    "Lost",
    "NotAgain",
    "Offer",
    "RoomRefused",
    "Standing",
    "TubeRefused",
    "TubeState",
    "TubesBack",
    "claim_begin",
    "claim_code",
    "crossing_rows",
    "crossings_of",
    "deliveries_send_again",
    "delivery_send_again",
    "drawing_of",
    "end_of",
    "end_of_portal",
    "first_steps_again",
    "first_steps_end",
    "first_steps_of",
    "flow_of",
    "joined_to",
    "listing_forget",
    "listings_keep",
    "map_link_find",
    "map_link_make",
    "mute_remove",
    "names_are_owned",
    "network_of",
    "notice_dismiss",
    "notices_dismiss",
    "notices_restore",
    "offers_of",
    "offers_own_voice",
    "options_preview",
    "options_set",
    "options_take",
    "own_preview",
    "portal_change",
    "portal_close_tubes",
    "portal_create",
    "portal_delete",
    "portal_door",
    "portal_join",
    "portal_request_approve",
    "portal_request_decline",
    "portal_request_withdraw",
    "portal_restore",
    "portals_of_account",
    "prospects",
    "room_enter",
    "room_make",
    "rooms_rewatch",
    "rows_of",
    "seat_like",
    "shared_accounts",
    "standing_of",
    "tube_close",
    "tube_join",
    "tube_just_opened",
    "tube_open",
    "tube_pause",
    "tube_reopen",
    "tube_resume",
    "tube_retry",
    "tube_state",
    "tubes_of_account",
    "tubes_of_portal",
    "undelivered_of",
    "undelivered_rows",
    "undelivered_words",
]
