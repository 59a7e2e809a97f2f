"""`python -m bench [scenario ...]`: measure, and print tables. See bench/README.md."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.measuring import Wrong
from bench.processes import Failed
from bench.report import Report
from bench.results import Options
from bench.scenarios import SCENARIOS
from sameroom.env import BASE_DIR
from tests import servers

FOLDER = BASE_DIR / "var" / "bench"


def main() -> int:
    """0 where every scenario gave a result."""
    arguments = _arguments()
    options = Options(
        runs=1 if arguments.quick else arguments.runs,
        seconds=min(arguments.seconds, 3.0) if arguments.quick else arguments.seconds,
        quick=arguments.quick,
        profile=FOLDER if arguments.profile else None,
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        report = Report()
    except servers.Unavailable as error:
        print(f"Cannot measure: {error}", file=sys.stderr)
        return 1
    code = 0
    for name in arguments.scenario or SCENARIOS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            report.results.append(SCENARIOS[name](options))
        except (Wrong, Failed) as error:
            print(f"{name} gave no result: {error}", file=sys.stderr, flush=True)
            code = 1
    print(report.markdown())
    print(f"Every run: {report.write(FOLDER)}", file=sys.stderr)
    if arguments.out:
        is_json = arguments.out.suffix == ".json"
        arguments.out.write_text(json.dumps(report.json(), indent=1) if is_json else report.markdown())
    return code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("scenario", nargs="*", help=f"some of: {', '.join(SCENARIOS)}; all without one")
    parser.add_argument("--runs", type=int, default=3, help="of each; the median counts (3)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of handing in, each run (10)")
    parser.add_argument("--quick", action="store_true", help="one short run: whether it works, not how fast")
    parser.add_argument("--profile", action="store_true", help="py-spy at work, into var/bench/")
    parser.add_argument("--out", type=Path, help="also write the tables there (.md, or .json)")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.scenario) - SCENARIOS.keys())
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
