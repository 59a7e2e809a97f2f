"""`manage.py doctor`: looks at everything that relaying needs, and says what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from connectors.findings import Severity
from monitor.doctor.examination import CHECKS, STATUS, TIME_LIMIT, Examined, examine, worst

_SIGNS: Final = {Severity.OK: "ok", Severity.WARNING: "WARNING", Severity.ERROR: "ERROR"}


class Command(BaseCommand):
    help = (
        "Look at settings, database, broker, clocks, keys, mail, the public address, disk, processes and "
        "services. Changes nothing and may be repeated. Ends with 0 where all is well, 1 with warnings, 2 "
        "with errors."
    )
    requires_system_checks = ()  # they are among what is looked at

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"only these: {', '.join(CHECKS)}")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        parser.add_argument(
            "--mail", metavar="ADDRESS", default="", help="send one mail there, to see that it arrives"
        )
        parser.add_argument(
            "--limit",
            type=float,
            default=TIME_LIMIT,
            metavar="SECONDS",
            help="how long to wait (%(default)g)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["checks"] or list(CHECKS)
        if unknown := [name for name in names if name not in CHECKS]:
            raise CommandError(
                f"There is no check {unknown[0]!r}. There are: {', '.join(CHECKS)}.", returncode=2
            )
        if options["limit"] <= 0:
            raise CommandError("--limit has to be more than 0 seconds.", returncode=2)
        if options["mail"]:
            _require_address(options["mail"])
        examined = examine(names, mail_to=options["mail"], limit=options["limit"])
        self.stdout.write(_as_json(examined) if options["json"] else _as_lines(examined))
        sys.exit(STATUS[worst(examined)])


def _require_address(text: str) -> None:
    try:
        validate_email(text)
    except ValidationError:
        raise CommandError(f"--mail {text!r} is no e-mail address.", returncode=2) from None


def _as_lines(examined: Sequence[Examined]) -> str:
    lines = []
    for one in examined:
        for finding in one.findings:
            lines.append(f"{_SIGNS[finding.severity]:<8}{one.name:<10} {finding.text}")
            if finding.remedy:
                lines.append(f"{'':<19}→ {finding.remedy}")
    found = [finding.severity for one in examined for finding in one.findings]
    errors, warnings = found.count(Severity.ERROR), found.count(Severity.WARNING)
    told = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}."
    return "\n".join([*lines, "", told if errors or warnings else "All is well."])


def _as_json(examined: Sequence[Examined]) -> str:
    findings = [
        {"check": one.name, "severity": finding.severity, "text": finding.text, "remedy": finding.remedy}
        for one in examined
        for finding in one.findings
    ]
    return json.dumps({"severity": worst(examined), "findings": findings}, indent=2, ensure_ascii=False)
