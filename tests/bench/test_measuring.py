import math
import os
import subprocess
import sys
import time

import pytest

from bench.measuring import (
    Meter,
    Throughput,
    Wrong,
    arrivals,
    latencies,
    percentile,
    pss,
    throughput,
)
from stub.server import running
from tests.waiting import until


def test_steady_rate_leaves_out_the_start_and_the_tail() -> None:
    handed_in = {"a": [0.0, 5.0], "b": [2.0, 10.0]}
    stored = {"a": [1.0, 6.0], "b": [3.0, 20.0]}  # of those, two between the 2nd and the 10th second

    assert throughput(handed_in, stored) == Throughput(messages=4, steady=2 / 8, with_tail=4 / 20)


def test_latencies_are_in_ascending_order_and_of_the_rooms_asked_for() -> None:
    handed_in = {"a": [0.0, 5.0], "b": [2.0]}
    stored = {"a": [3.0, 6.0], "b": [4.0]}

    assert latencies(handed_in, stored) == [1.0, 2.0, 3.0]
    assert latencies(handed_in, stored, ["b"]) == [2.0]


def test_percentile_is_a_value_that_was_measured() -> None:
    values = [float(number) for number in range(1, 101)]

    assert [percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 50.0, 99.0, 100.0]
    assert math.isnan(percentile([], 0.5))


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["x #0", "x #2"], "there: 1 of 3 messages lost, 0 doubled, not out of order"),
        (["x #0", "x #1", "x #1", "x #2"], "there: 0 of 3 messages lost, 1 doubled, not out of order"),
        (["x #1", "x #0", "x #2"], "there: 0 of 3 messages lost, 0 doubled, out of order"),
    ],
)
def test_wrong_run_is_no_result(texts: list[str], told: str) -> None:
    with running() as stub:
        stub.say_many([("there", "relay", text) for text in texts])
        with pytest.raises(Wrong) as caught:
            arrivals(stub, {"there": [0.0, 0.0, 0.0]})

    assert str(caught.value) == told


def test_arrival_counts_every_message_of_a_shared_post() -> None:
    with running() as stub:
        stub.say_many([("there", "relay", "x #0"), ("there", "relay", "x #1\nx #2")])
        found = arrivals(stub, {"there": [0.0, 0.0, 0.0]})

    assert_is_now(found["there"])
    assert found["there"][1] == found["there"][2]


def assert_is_now(times: list[float]) -> None:
    assert [abs(time.time() - at) < 60 for at in times] == [True] * len(times)


def test_meter_counts_a_process_with_its_children() -> None:
    burn = "import time\nwhile time.process_time() < 0.4: pass"
    script = (
        "import subprocess, sys; sys.stdin.readline(); "
        f"subprocess.run([sys.executable, '-c', {burn!r}], stdin=subprocess.DEVNULL); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as process:
        assert process.stdin
        meter = Meter({"burner": process.pid})
        time.sleep(0.05)
        process.stdin.write(b"now\n")  # what was burnt before is not counted
        process.stdin.flush()
        until(lambda: meter.stop().cpu["burner"] >= 0.3)
        assert list(meter.stop().cpu) == ["burner"]
        assert pss(process.pid) > 1


def test_memory_of_a_process_that_has_ended_is_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], env=dict(os.environ))
    process.wait()

    assert pss(process.pid) == 0
