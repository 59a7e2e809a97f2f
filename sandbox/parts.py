"""What a world is made of."""

import threading
from collections.abc import Iterable

from .clock import Clock
from .directory import Directory
from .emoticons import Emoticons
from .faults import Faults
from .limits import Limits
from .messages import Messages
from .records import Message, Room, User
from .rooms import Rooms
from .shapes import people_in
from .store import Store
from .switches import Switches
from .tokens import Tokens
from .uploads import Uploads
from .webhooks import Webhooks

# HipChat API v2, rate limits: what a personal token gets.
REQUEST_LIMIT = 100
FLOOD_LIMIT = 30


class Parts:
    """The parts over one database, and questions about them; `World` adds what can happen."""

    def __init__(
        self,
        database: str = ":memory:",
        *,
        request_limit: int = REQUEST_LIMIT,
        flood_limit: int = FLOOD_LIMIT,
    ) -> None:
        self.clock = Clock()
        self.switches = Switches()
        self.store = Store(database)
        self.directory = Directory(self.store, self.clock)
        self.rooms = Rooms(self.store, self.clock, self.directory, self.switches)
        self.tokens = Tokens(self.store, self.clock)
        self.messages = Messages(self.store, self.clock)
        self.uploads = Uploads(self.store)
        self.emoticons = Emoticons(self.store, self.clock)
        self.webhooks = Webhooks(self.store)
        self.limits = Limits(self.clock, self.switches, request_limit=request_limit, flood_limit=flood_limit)
        self.faults = Faults()
        self.closing = threading.Event()
        self.base_url = "http://127.0.0.1"  # where webhooks say the sandbox is

    def close(self) -> None:
        """Let go of the file and wake whoever sleeps in a fault."""
        self.closing.set()
        self.webhooks.close()
        self.store.close()

    def may_enter(self, room: Room, user: User) -> bool:
        return self.rooms.may_enter(room, user)

    def people_of(self, messages: Iterable[Message]) -> dict[int, User]:
        """Whoever wrote these or is mentioned in them, by id."""
        return self.directory.users_by_id(people_in(messages))
