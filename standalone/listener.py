"""The listener of the one process: an event loop in a thread."""

from typing import ClassVar

from standalone.parts import Part
from tubes.relay.listening.process import Listener


class Listening(Part):
    """Keeps the streams of services that tell by a connection what is said."""

    label: ClassVar[str] = "listener"
    patience: ClassVar[float] = 1.5

    def __init__(self) -> None:
        super().__init__()
        self._listener = Listener()

    def serve(self) -> None:
        self._listener.serve()

    def ask_to_stop(self) -> None:
        self._listener.ask_to_stop()
