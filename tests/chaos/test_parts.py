"""The suite's plan, schedule, clock, table and generator."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from chaos import network, schedule
from chaos.faults import FAULTS, Applied
from chaos.generator import PIECES, Generator, text_of
from chaos.judge import Breach, Verdict
from chaos.network import Room
from chaos.report import table
from chaos.run import Outcome
from chaos.services import SandboxSide, StubSide
from chaos.stepped import Clock
from stub.server import running

ROOT = Path(__file__).parents[2]


def test_plan_holds_chains_a_cycle_one_way_links_and_several_owners() -> None:
    plan = network.links()
    names = {room.name: {far.name for far in network.reached(plan, room)} for room in network.rooms(plan)}

    assert len(plan) >= 20
    assert {link.owner for link in plan} == set(network.OWNERS)
    assert names["acme-1"] == {"full-1", "full-2", "globex-1", "plain-1", "polled-1"}
    assert names["plain-2"] == {"full-3", "polled-2", "acme-2"}
    assert (names["acme-3"], names["full-5"]) == ({"full-5"}, set())
    assert {room.profile for room in network.rooms(plan)} == {*network.PROFILES, *network.GROUPS}
    hidden = {room.profile for room in network.rooms(plan) if not room.lets_check}
    assert hidden == {"hidden", "blind", "noids", "spoken"}


def test_seed_decides_the_schedule() -> None:
    kinds = sorted(FAULTS)

    first = schedule.plan(7, kinds, seconds=60, count=2 * len(kinds))

    assert first == schedule.plan(7, kinds, seconds=60, count=2 * len(kinds))
    assert first != schedule.plan(8, kinds, seconds=60, count=2 * len(kinds))
    assert Counter(one.kind for one in first) == dict.fromkeys(kinds, 2)
    assert [one.at for one in first] == sorted(one.at for one in first)


def test_generator_keeps_account_of_everything_it_says() -> None:
    rooms = [Room("full-1"), Room("blind-1")]
    with running() as control:
        side = StubSide(control.url)
        generator = Generator(side, None, rooms, total=300, seconds=0.5, seed=1)  # type: ignore[arg-type]
        generator.run()
        stands = {line.id: line for room in rooms for line in side.lines(room)}
        side.control.close()

    assert (generator.error, generator.done) == (None, 300)
    assert {one.id: text_of(one) for one in generator.said} == {
        id_: line.text for id_, line in stands.items()
    }
    assert [one.number for one in generator.said] == list(range(1, len(generator.said) + 1))
    assert all(stands[one.id].is_deleted is one.is_deleted for one in generator.said)
    changed = [one for one in generator.said if one.version or one.is_deleted]
    assert changed
    assert {one.room for one in changed} == {rooms[0]}
    assert {one.pieces for one in generator.said} == {1, PIECES}


def test_clock_is_stepped_for_other_processes_and_for_the_suites_alone(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    clock.step(600)
    clock.step(-120)
    program = (
        "from django.conf import settings; settings.DEBUG; from sameroom import clock; "
        "from django.utils import timezone; print((clock.now() - timezone.now()).total_seconds())"
    )

    def ahead(settings: str) -> float:
        stepped = {"DJANGO_SETTINGS_MODULE": settings, "CHAOS_CLOCK": str(tmp_path / "clock")}
        command = [sys.executable, "-c", program]
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **stepped}, capture_output=True, text=True, check=True
        )
        return float(done.stdout)

    assert round(ahead("chaos.settings")) == 480
    assert round(ahead("sameroom.settings")) == 0


def test_table_counts_a_breach_for_the_fault_before_it() -> None:
    here, there = Room("full-1"), Room("plain-1")
    applied = [Applied("hang", 100.0, 3, 0), Applied("drip", 200.0, 2, 0), Applied("hang", 300.0, 1, 0)]
    broken = [Breach("lost", 1, here, there, 250.0), Breach("doubled", 2, here, there, 310.0)]

    rows = table(applied, ["drip", "hang"], Verdict(broken, [], [], 0, 9)).splitlines()

    assert rows == [
        "| fault | applied | in flight | lost | doubled | out of order | looped | mis-edited | unknown |",
        "| drip  |       1 |         2 |    1 |       0 |            0 |      0 |          0 |       0 |",
        "| hang  |       2 |         4 |    0 |       1 |            0 |      0 |          0 |       0 |",
        "| all   |       3 |         6 |    1 |       1 |            0 |      0 |          0 |       0 |",
    ]


def test_process_that_ends_by_itself_is_a_breach() -> None:
    clean = Verdict(breaches=[], unknown=[], untold=[], late=0, copies=10)
    stub, sandbox = StubSide("http://127.0.0.1:1"), SandboxSide("http://127.0.0.1:1")
    generator = Generator(stub, sandbox, [], total=0, seconds=1.0, seed=1)
    outcome = Outcome(clean, [], 0, 10, {"sent": 10}, 1.0, fallen=[], generator=generator)

    assert outcome.is_good
    assert not replace(outcome, fallen=["worker1 (exit code 1)"]).is_good
