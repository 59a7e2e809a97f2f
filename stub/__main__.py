"""`python -m stub --port N`: serve until SIGTERM or Ctrl-C."""

import argparse

from stub.server import listen, server


def main() -> None:
    parser = argparse.ArgumentParser(description="A scriptable chat service for tests and benchmarks.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    listener = listen(parser.parse_args().port)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    server(listener).run(sockets=[listener])


if __name__ == "__main__":
    main()
