"""What goes wrong in a soak: what a server does on request, and restarts of the real ones."""

from __future__ import annotations

import random
import signal
import subprocess
import time

from chaos.family import STOP_SECONDS
from chaos.faults import DOWN, MESSAGE, Stage, fault
from soak.irc import IrcSide
from soak.matrix import MatrixSide
from soak.slack import SlackSide, cut_off
from tests.servers import Server

HISTORY = "/history"
UPLOAD = "/share/file"
BAD_GATEWAY = "<html><title>502 Bad Gateway</title></html>"


@fault("gateway-down")
def gateway_down(stage: Stage, chosen: random.Random) -> None:
    """A proxy's page instead of an answer, on everything."""
    stage.note("gateway-down", may_cut_sends=False)
    stage.sandbox.fault(path="/v2/", status=502, body=BAD_GATEWAY, count=chosen.randint(5, 40))


@fault("stored-and-failed")
def stored_and_failed(stage: Stage, chosen: random.Random) -> None:
    """Errors, broken connections and rubbish in answer to what was stored."""
    stage.note("stored-and-failed", may_cut_sends=False)
    for path in (MESSAGE, UPLOAD):
        stage.sandbox.fault(path=path, status=500, after=True, count=2)
        stage.sandbox.fault(path=path, cut=chosen.choice(["before", "inside", "garbage"]), count=2)


@fault("slow")
def slow(stage: Stage, chosen: random.Random) -> None:
    stage.note("slow", may_cut_sends=False)
    stage.sandbox.fault(path="/room/", latency=chosen.uniform(0.2, 1.5), count=30)


@fault("history-odd")
def history_odd(stage: Stage, chosen: random.Random) -> None:
    """The anchor is missing, and cards cannot be parsed."""
    stage.note("history-odd", may_cut_sends=False)
    stage.sandbox.fault(path=HISTORY, drop_anchor=True, count=4)
    stage.sandbox.fault(path=HISTORY, malformed_card=True, count=4)


@fault("login-doubted")
def login_doubted(stage: Stage, chosen: random.Random) -> None:
    """401 to single requests, although the token is good."""
    stage.note("login-doubted", may_cut_sends=False)
    error = {"error": {"code": 401, "message": "Invalid OAuth session", "type": "Unauthorized"}}
    stage.sandbox.fault(path=HISTORY, status=401, body=error, count=3)


@fault("files-away")
def files_away(stage: Stage, chosen: random.Random) -> None:
    stage.note("files-away", may_cut_sends=False)
    stage.sandbox.fault(path="/files/", status=503, count=3)


@fault("reset-as-delta")
def reset_as_delta(stage: Stage, chosen: random.Random) -> None:
    """While limited, the limits end "60" instead of at a Unix time."""
    stage.note("reset-as-delta", may_cut_sends=False)
    stage.sandbox.act("set_switches", reset_as_delta=True)
    time.sleep(chosen.uniform(3.0, 10.0))
    stage.sandbox.act("set_switches", reset_as_delta=False)


def _homeserver(stage: Stage) -> Server:
    [server] = [side.server for side in stage.elsewhere if isinstance(side, MatrixSide)]
    return server


def _start_again(server: Server, chosen: random.Random) -> None:
    time.sleep(chosen.uniform(*DOWN))
    server.start(within=90)


@fault("synapse-kill")
def kill_synapse(stage: Stage, chosen: random.Random) -> None:
    server = _homeserver(stage)
    with stage.kill_lock:
        stage.note("synapse-kill", may_cut_sends=False)
        server.kill()
        _start_again(server, chosen)


@fault("synapse-term")
def terminate_synapse(stage: Stage, chosen: random.Random) -> None:
    server = _homeserver(stage)
    with stage.kill_lock:
        stage.note("synapse-term", may_cut_sends=False)
        if server.process:
            server.process.send_signal(signal.SIGTERM)
            try:
                server.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                server.kill()
        _start_again(server, chosen)


def _irc(stage: Stage) -> IrcSide:
    [side] = [side for side in stage.elsewhere if isinstance(side, IrcSide)]
    return side


def _cut(stage: Stage, kind: str, side: IrcSide) -> None:
    """Our session is cut off from its server."""
    stage.note(kind)
    # What begins to be sent between the count and the cut is counted by its lane.
    stage.applied[-1].hidden_in_flight = len(stage.hidden)
    side.note_cut()
    side.gate.shut()


@fault("ircd-cut")
def cut_irc(stage: Stage, chosen: random.Random) -> None:
    """As by a netsplit or a dead line: the server goes on without us."""
    side = _irc(stage)
    with side.talking:
        _cut(stage, "ircd-cut", side)
    time.sleep(chosen.uniform(*DOWN))
    side.gate.open()


@fault("ircd-kill")
def kill_ircd(stage: Stage, chosen: random.Random) -> None:
    """Everybody comes back before our session does, so that somebody hears all that it says."""
    side = _irc(stage)
    with stage.kill_lock, side.talking:
        _cut(stage, "ircd-kill", side)
        side.server.kill()
        _start_again(side.server, chosen)
        side.come_back()
        side.gate.open()


def _slack(stage: Stage) -> SlackSide:
    [side] = [side for side in stage.elsewhere if isinstance(side, SlackSide)]
    return side


@fault("slack-cut")
def cut_slack(stage: Stage, chosen: random.Random) -> None:
    """No connection stands for a while, and none is taken: what is said then is in the history only."""
    stage.note("slack-cut", may_cut_sends=False)
    cut_off(_slack(stage), chosen.uniform(*DOWN))


@fault("slack-refresh")
def refresh_slack(stage: Stage, chosen: random.Random) -> None:
    """Slack renews its connections, as it does every few hours."""
    stage.note("slack-refresh", may_cut_sends=False)
    side = _slack(stage)
    side.slack.refresh_sockets(side.app)


@fault("slack-stored-and-failed")
def fail_slack(stage: Stage, chosen: random.Random) -> None:
    """Errors and broken connections in answer to what was posted."""
    stage.note("slack-stored-and-failed", may_cut_sends=False)
    for kind in ("status", "reset", "garbage"):
        _slack(stage).slack.fault(kind, on="chat.postMessage", stored=True, count=2)


@fault("slack-throttled")
def throttle_slack(stage: Stage, chosen: random.Random) -> None:
    stage.note("slack-throttled", may_cut_sends=False)
    _slack(stage).slack.fault("throttle", on="chat.*", retry_after=chosen.randint(1, 5), count=5)


@fault("slack-odd-events")
def odd_events(stage: Stage, chosen: random.Random) -> None:
    """Events come twice, late, or in no shape that is documented."""
    stage.note("slack-odd-events", may_cut_sends=False)
    slack = _slack(stage).slack
    slack.fault("event_twice", on="message", count=5)
    slack.fault("event_late", on="reaction_*", delay=chosen.uniform(0.5, 2.0), count=2)


FAULTS = (
    *("gateway-down", "stored-and-failed", "slow", "history-odd", "login-doubted", "files-away"),
    *("reset-as-delta", "worker-kill", "redis-flush"),
)
WITH_IRC = (
    *("ircd-kill", "listener-kill", "ircd-cut", "synapse-kill", "listener-term", "worker-kill"),
    *("ircd-kill", "stored-and-failed"),
)
ACROSS = (
    "synapse-kill",
    "listener-kill",
    "synapse-term",
    "listener-term",
    "worker-kill",
    "stored-and-failed",
)
WITH_SLACK = (
    *("slack-cut", "listener-kill", "slack-stored-and-failed", "slack-refresh", "listener-term"),
    *("worker-kill", "slack-throttled", "stored-and-failed", "slack-odd-events"),
)
WITHOUT_HIPCHAT = (
    *("slack-cut", "ircd-kill", "listener-kill", "slack-stored-and-failed", "synapse-kill"),
    *("slack-refresh", "ircd-cut", "listener-term", "worker-kill", "slack-odd-events"),
)
