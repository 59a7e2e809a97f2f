"""What the service can do just now: `Stub.switch(edits=False)` turns an ability off for everybody."""

from dataclasses import dataclass


@dataclass(slots=True)
class Switches:
    """Abilities, and numbers that a test sets."""

    push: bool = True  # off: nothing is pushed until it is on again; nothing is lost
    stream: bool = True  # off: nobody can wait for what happens
    history: bool = True  # off: nobody can read what was said
    ids: bool = True  # off: a send is answered without an id, a push carries none
    keys: bool = True  # off: an idempotency key is not looked at
    edits: bool = True
    deletes: bool = True
    reactions: bool = True
    replies: bool = True
    sender: bool = True  # off: what is posted stands under the account's own name
    key_life: float = 3600.0  # seconds for which a repeated key gives the first message
    max_text: int = 4000  # code points
    push_size: int = 10  # events in one push
    push_connections: int = 32  # pushes under way at the same time
    latency: float = 0.0  # seconds that every send takes
