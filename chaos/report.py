"""The table: what each kind of fault did, and what broke next to it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence

from chaos.faults import Applied
from chaos.judge import WORDS, Breach, Verdict

NOBODY = "(no fault yet)"


def table(applied: Sequence[Applied], kinds: Sequence[str], verdict: Verdict) -> str:
    """One row for each kind. A breach counts for the fault that began last before it."""
    times = Counter(one.kind for one in applied)
    flying: Counter[str] = Counter()
    for one in applied:
        flying[one.kind] += one.in_flight
    broken = _by_kind(applied, [*verdict.breaches, *verdict.unknown])
    head = ["fault", "applied", "in flight", *WORDS]
    kinds = [*kinds, *([NOBODY] if NOBODY in broken else [])]
    counts = [[times[kind], flying[kind], *(broken[kind][word] for word in WORDS)] for kind in kinds]
    rows = [[kind, *row] for kind, row in zip(kinds, counts, strict=True)]
    total = ["all", *(sum(row[column] for row in counts) for column in range(len(head) - 1))]
    return "\n".join(_aligned([head, *rows, total]))


def _by_kind(applied: Sequence[Applied], breaches: Sequence[Breach]) -> dict[str, Counter[str]]:
    begun = sorted(applied, key=lambda one: one.at)
    moments = [one.at for one in begun]
    broken: dict[str, Counter[str]] = defaultdict(Counter)
    for breach in breaches:
        place = bisect_right(moments, breach.at + 1.0)
        broken[begun[place - 1].kind if place else NOBODY][breach.what] += 1
    return broken


def _aligned(rows: Sequence[Sequence[object]]) -> list[str]:
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in texts) for column in range(len(texts[0]))]
    return [
        "| "
        + " | ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        + " |"
        for row in texts
    ]
