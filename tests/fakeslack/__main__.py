"""A Slack to try things out with, until Ctrl-C: python -m tests.fakeslack [--port 8065]

It has one workspace with Ann, Bob and two channels, all in memory. An app is made by the page that a manifest
opens; somebody talks by the pages below /client.
"""

from __future__ import annotations

import argparse
import signal
import threading

from tests.fakeslack.server import running


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8065, help="of the loopback address; 0 for a free one")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with running(parser.parse_args().port) as slack:
        people = [slack.person("ann"), slack.person("bob")]
        for name in ("general", "random"):
            slack.channel(name, *people)
        print(f"Talk:          {slack.url}/client")
        print(f"Web API:       {slack.api}")
        print(f"OAuth:         {slack.authorize_url}")
        print(f"New apps:      {slack.url}/apps?new_app=1&manifest_yaml=...", flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
