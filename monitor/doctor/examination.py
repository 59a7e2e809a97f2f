"""All checks side by side, each with a time limit, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from connectors.findings import Finding, Severity, error
from monitor.doctor.configuration import configuration
from monitor.doctor.keys import keys
from monitor.doctor.letters import mail
from monitor.doctor.public import public
from monitor.doctor.running import disk, processes
from monitor.doctor.services import services
from monitor.doctor.stores import broker, clocks, database
from monitor.probe import Probe
from monitor.scrubbing import is_of_database, scrub
from sameroom import clock

Check = Callable[[], Iterable[Finding]]

TIME_LIMIT: Final = 20.0  # seconds for one check, which is more than any that works needs
CHECKS: Final[Mapping[str, Check]] = {
    "settings": configuration,
    "database": database,
    "broker": broker,
    "clock": clocks,
    "keys": keys,
    "mail": mail,
    "public": public,
    "disk": disk,
    "processes": processes,
    "services": services,
}
STATUS: Final = {Severity.OK: 0, Severity.WARNING: 1, Severity.ERROR: 2}  # what the command ends with


@dataclass(frozen=True, slots=True)
class Examined:
    """One check, and what it found, in the order in which it did."""

    name: str
    findings: Sequence[Finding]


def examine(names: Iterable[str] = CHECKS, *, mail_to: str = "", limit: float = TIME_LIMIT) -> list[Examined]:
    """What these checks find, within `limit` seconds in all. Never raises for what a check meets.

    A check that hangs is left behind in its thread. Sends a mail only where `mail_to` is an address.
    """
    checks = {name: CHECKS[name] for name in names}
    if mail_to:
        checks["mail"] = partial(mail, mail_to)
    ends = clock.monotonic() + limit
    probes = {
        name: Probe(f"doctor: {name}", partial(_listed, check), fresh=0.0) for name, check in checks.items()
    }
    asked = {name: probe.start() for name, probe in probes.items()}
    examined = []
    for name, answer in asked.items():
        try:
            found = answer.result(max(0.0, ends - clock.monotonic()))
        except TimeoutError:
            found = [_too_slow(name, limit)]
        examined.append(Examined(name, [_scrubbed(finding) for finding in found]))
    return examined


def worst(examined: Iterable[Examined]) -> Severity:
    """How bad it is, all in all."""
    severities = [finding.severity for one in examined for finding in one.findings]
    return max(severities, key=STATUS.__getitem__, default=Severity.OK)


def _listed(check: Check) -> list[Finding]:
    """What a check finds; an error that it meets is its last finding, without what the error quotes."""
    found: list[Finding] = []
    try:
        for finding in check():
            found.append(finding)
    except Exception as failure:  # noqa: BLE001 - one check that fails is a finding, and no reason to stop
        found.append(_failed(failure))
    return found


def _failed(failure: Exception) -> Finding:
    if is_of_database(failure):
        return error(
            "It takes the database to look at this.", "First do what the check of the database says."
        )
    told = scrub(str(failure), failure).strip().split("\n", 1)[0]
    remedy = "See that what it names runs and can be reached from this machine with the settings of .env."
    return error(
        f"This could not be looked at: {type(failure).__name__}{f': {told}' if told else ''}", remedy
    )


def _too_slow(name: str, limit: float) -> Finding:
    return error(
        f"No answer within {limit:g} seconds.",
        f"Something that the check {name} asks hangs: see whether a firewall drops what is sent to it.",
    )


def _scrubbed(finding: Finding) -> Finding:
    return Finding(finding.severity, scrub(finding.text), scrub(finding.remedy))
