"""Pastes of ten lines from two rooms into one IRC channel: every line once, and in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from chaos import network
from chaos.faults import Stage
from chaos.generator import Generator, Said
from chaos.judge import TOKEN
from chaos.network import Room
from chaos.report import table
from chaos.run import Options, run
from chaos.services import Line
from soak.irc import IrcSide
from soak.run import Result, without
from soak.standing import in_sandbox
from tests.servers import Server

LINES = 10
TUBES = """
ann acme-1 <-> #irc-1
ann #irc-1 <-> globex-1
"""
CHANNEL = Room("#irc-1")
A_SECOND = 5.0  # pastes
LONGEST = 3600.0  # seconds until all have arrived


class Pastes(Generator):
    """Says nothing but pastes, in HipChat's rooms."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self._origins = [room for room in self._origins if room.is_hipchat]

    def _next(self, room: Room, now: float) -> Said:
        said = super()._next(room, now)
        said.pieces = LINES
        return said


def shuffled(said: Sequence[Said], lines: Sequence[Line]) -> list[str]:
    """A sentence for every paste whose lines do not stand one below the other, in their order."""
    found = [
        (int(match[1]), int(match[2]))
        for line in lines
        if line.by_relay
        for match in TOKEN.finditer(line.text)
    ]
    places: dict[int, list[int]] = {}
    for place, (number, _) in enumerate(found):
        places.setdefault(number, []).append(place)
    wrong = []
    for one in said:
        mine = places.get(one.number, [])
        whole = [found[place][1] for place in mine] == list(range(one.pieces))
        if not whole or mine[-1] - mine[0] != len(mine) - 1:
            wrong.append(f"shuffled: #{one.number:06d}")
    return wrong


def pastes(
    seed: int,
    count: int,
    folder: Path,
    postgres: Server,
    redis: Server,
    irc: IrcSide,
    say: Callable[[str], None],
) -> Result:
    """Run once on these servers, without a fault. Logs go to `folder`."""
    heard: list[Line] = []

    def stands(stage: Stage, plan: Sequence[network.Link]) -> dict[Room, list[Line]]:
        rooms = [room for room in network.rooms(plan) if room.is_hipchat]
        found = {room: standing.lines for room, standing in in_sandbox(stage.sandbox, rooms).items()}
        heard[:] = irc.standing(CHANNEL).lines
        return found | {CHANNEL: list(heard)}

    options = Options(
        seed=seed,
        messages=count,
        minutes=count / A_SECOND / 60,
        planned=(),
        patience=LONGEST,
        only_messages=True,
        tubes=TUBES,
        talker=Pastes,
        elsewhere=[irc],
        stands=stands,
    )
    outcome = run(options, folder, postgres, redis, say)
    verdict, problems = without(outcome, ())
    wrong = shuffled(outcome.generator.said, heard)
    summary = f"{outcome.done} pastes of {LINES} lines, {len(wrong)} shuffled; {outcome.seconds:.0f} s."
    return Result(outcome, problems + wrong, table(outcome.applied, [], verdict), summary, {})
