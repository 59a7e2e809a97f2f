"""The soaks across services, each in a chain and in a triangle, under restarts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from chaos import network
from chaos.faults import Stage
from chaos.generator import Said
from chaos.network import Room
from chaos.report import table
from chaos.run import Options, Outcome, run
from chaos.schedule import plan
from chaos.services import Line, SandboxSide, StubSide
from soak import faults
from soak.amiss import amiss
from soak.conversation import Conversation
from soak.irc import IrcSide
from soak.irc_talk import IrcTalk
from soak.matrix import MatrixSide
from soak.matrix_talk import MatrixTalk
from soak.plan import ACROSS, WITH_IRC, WITH_SLACK, WITHOUT_HIPCHAT
from soak.run import Result, without
from soak.slack import SlackSide
from soak.slack_talk import SlackTalk
from soak.standing import Standing, in_matrix, in_sandbox
from soak.talk import Talk
from tests.servers import Server

SECONDS_PER_FAULT = 30
NUMBERS = 10_000  # for each room
SETTLE = 40.0  # seconds for reactions that were set last


@dataclass(frozen=True, slots=True)
class Across:
    """What one soak shall be."""

    seed: int
    messages: int  # from every end
    minutes: float
    tubes: str = ACROSS
    faults: Sequence[str] = faults.ACROSS
    patience: float = 400.0  # seconds


Voice = Talk | Conversation[Any] | IrcTalk
Side = MatrixSide | IrcSide | SlackSide
TALKS: dict[str, Callable[..., Voice]] = {"matrix": MatrixTalk, "irc": IrcTalk, "slack": SlackTalk}


def with_irc(seed: int, messages: int, minutes: float) -> Across:
    """HipChat, Matrix and IRC."""
    return Across(seed, messages, minutes, tubes=WITH_IRC, faults=faults.WITH_IRC)


def with_slack(seed: int, messages: int, minutes: float) -> Across:
    """HipChat and Slack."""
    return _at_slacks_pace(Across(seed, messages, minutes, tubes=WITH_SLACK, faults=faults.WITH_SLACK))


def without_hipchat(seed: int, messages: int, minutes: float) -> Across:
    """Slack, Matrix and IRC."""
    return _at_slacks_pace(
        Across(seed, messages, minutes, tubes=WITHOUT_HIPCHAT, faults=faults.WITHOUT_HIPCHAT)
    )


def _at_slacks_pace(wanted: Across) -> Across:
    """A channel takes about a post a second, and two for each message of an end; faults cost it minutes."""
    return replace(wanted, patience=wanted.patience + wanted.messages)


class Chorus(threading.Thread):
    """Everybody in every room, each room at a pace of its own."""

    def __init__(
        self,
        sides: Sequence[Side],
        stub: StubSide,
        sandbox: SandboxSide,
        origins: Sequence[Room],
        *,
        total: int,
        seed: int,
        **options: Any,
    ) -> None:
        super().__init__(name="chorus", daemon=True)
        self.voices: dict[Room, Voice] = {}
        by_kind = {side.kind: side for side in sides}
        for number, room in enumerate(origins):
            kind = Talk if room.is_hipchat else partial(TALKS[room.profile], by_kind[room.profile])
            first, share = number * NUMBERS + 1, total // len(origins)
            given = options | {"total": share, "seed": seed * len(origins) + number, "first": first}
            self.voices[room] = kind(stub, sandbox, [room], **given)

    @property
    def said(self) -> list[Said]:
        return [said for voice in self.voices.values() for said in voice.said]

    def missed(self) -> set[int]:
        """Numbers of what our session at IRC was not there to hear."""
        return {
            number
            for voice in self.voices.values()
            if isinstance(voice, IrcTalk)
            for number in voice.missed()
        }

    @property
    def done(self) -> int:
        return sum(voice.done for voice in self.voices.values())

    @property
    def error(self) -> Exception | None:
        return next((voice.error for voice in self.voices.values() if voice.error), None)

    def run(self) -> None:
        for voice in self.voices.values():
            voice.start()
        for voice in self.voices.values():
            voice.join()


class _Ends:
    """What one run says, and what stands in its rooms."""

    def __init__(self, sides: Sequence[Side], folder: Path, tubes: str) -> None:
        self.sides, self.folder, self.links = sides, folder, network.links(tubes)
        self.deleted: set[int] = set()  # what somebody takes back, nobody answers, wherever they are
        for side in sides:
            side.deleted = self.deleted
        self.standing: dict[Room, Standing] = {}
        self.amiss: list[str] = []
        self.chorus: Chorus | None = None

    @property
    def has_irc(self) -> bool:
        return any(isinstance(side, IrcSide) for side in self.sides)

    def talk(self, *sides: Any, **options: Any) -> Chorus:
        """Who talks."""
        self.chorus = Chorus(self.sides, *sides, **options)
        return self.chorus

    def stands(self, stage: Stage, plan: Sequence[network.Link]) -> dict[Room, list[Line]]:
        """For the judge."""
        rooms = network.rooms(plan)
        self.standing = in_sandbox(stage.sandbox, [room for room in rooms if room.is_hipchat])
        for side in self.sides:
            mine = [room for room in rooms if room.profile == side.kind]
            self.standing |= {room: _standing(side, room) for room in mine}
        return {room: found.lines for room, found in self.standing.items()}

    def settle(self, stage: Stage) -> None:
        """Compare what is tied to messages too; what was done last may still be on its way."""
        assert self.chorus
        ends = time.monotonic() + SETTLE
        while True:
            self.amiss = amiss(self.chorus.voices, self.links, self.standing)
            if not self.amiss or time.monotonic() > ends:
                break
            time.sleep(2.0)
            self.stands(stage, self.links)
        if self.amiss:
            stage.rows.dump(self.folder)


def _standing(side: Side, room: Room) -> Standing:
    return in_matrix(side, room) if isinstance(side, MatrixSide) else side.standing(room)


def across(
    wanted: Across,
    folder: Path,
    postgres: Server,
    redis: Server,
    sides: Sequence[Side],
    say: Callable[[str], None],
) -> Result:
    """Run once on these servers; those of chats are restarted meanwhile. Logs go to `folder`."""
    ends, seconds = _Ends(sides, folder, wanted.tubes), wanted.minutes * 60
    count = max(len(wanted.faults), int(seconds / SECONDS_PER_FAULT))
    options = Options(
        seed=wanted.seed,
        messages=wanted.messages * len(network.origins(ends.links)),
        minutes=wanted.minutes,
        planned=plan(wanted.seed, wanted.faults, seconds=seconds, count=count),
        patience=wanted.patience,
        tubes=wanted.tubes,
        talker=ends.talk,
        elsewhere=ends.sides,
        stands=ends.stands,
        at_the_end=ends.settle,
    )
    return _result(run(options, folder, postgres, redis, say), ends)


def _that_count(found: Sequence[str], outcome: Outcome) -> list[str]:
    """What is amiss, but for what belongs to a line of which nobody knows whether it arrived."""
    doubted = {(one.number, one.room.name) for one in outcome.verdict.unknown}
    return [
        one
        for one in found
        if not any(f"#{number:06d}" in one and one.endswith(f" in {room}") for number, room in doubted)
    ]


def _result(outcome: Outcome, ends: _Ends) -> Result:
    assert ends.chorus
    voices = ends.chorus.voices.values()
    taken_back = {number for voice in voices if isinstance(voice, Talk) for number in voice.taken_back}
    missed = ends.chorus.missed()
    verdict, problems = without(outcome, taken_back | missed, in_doubt=ends.has_irc)
    problems += _that_count(ends.amiss, outcome)
    kinds = sorted({one.kind for one in outcome.applied})
    answering = [voice for voice in voices if not isinstance(voice, Talk)]
    done = {
        "things said": outcome.done,
        "copies due": verdict.copies,
        "edits": sum(one.version for one in ends.chorus.said),
        "deletions": len(taken_back) + len(ends.deleted),
        "files": sum(len(voice.files) for voice in voices),
        "copies of them behind links": sum(found.linked for found in ends.standing.values()),
        "answers": sum(len(voice.answers) for voice in answering),
        "reactions": sum(len(voice.reactions) for voice in answering),
    }
    ended = ", ".join(f"{count} {status}" for status, count in sorted(outcome.deliveries.items()))
    if ends.has_irc:
        done |= {"said at IRC while our session was away": len(missed), "in doubt": len(verdict.unknown)}
    summary = (
        f"{len(ends.standing)} rooms: {', '.join(f'{count} {what}' for what, count in done.items())}; "
        f"deliveries: {ended}; {outcome.seconds:.0f} s."
    )
    return Result(outcome, problems, table(outcome.applied, kinds, verdict), summary, {})
