"""What is measured, by name."""

from collections.abc import Mapping

from bench.results import Scenario
from bench.scenarios.flood import Flood
from bench.scenarios.idle import idle
from bench.scenarios.latency import latency
from bench.scenarios.listen import listen
from bench.scenarios.local import local
from bench.scenarios.sessions import sessions
from bench.scenarios.troubles import troubles

SCENARIOS: Mapping[str, Scenario] = {
    "20x50": Flood(20, 0.05, 10, "20 Tubes, 50 ms a send"),
    "200x50": Flood(200, 0.05, 10, "200 Tubes, 50 ms a send"),
    "20x0": Flood(20, 0.0, 10, "20 Tubes, 0 ms, 1–10 events at a time"),
    "20x0-single": Flood(20, 0.0, 1, "20 Tubes, 0 ms, one event at a time"),
    "latency": latency,
    "local": local,
    "troubles": troubles,
    "idle": idle,
    "listen": listen,
    "sessions": sessions,
}
