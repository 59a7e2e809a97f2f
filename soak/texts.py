"""Any text that people may write, made by Hypothesis: the same for the same seed."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

LONGEST = 400  # characters
SNIPPETS = (
    *("@all ", "@here", '@"Ann Lee"', "/code ", "/me ", "/quote ", "s/a/b/", "(thumbsup)", ":-)", "&amp;"),
    *("<b>", "</script>", "\n", "```", "https://example.org/?a=1&b=[2]", "👩‍👩‍👧", "ä", "\u202e", "\u200b"),
)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40) | st.sampled_from(SNIPPETS)


def texts(number: int, count: int) -> list[str]:
    """`count` texts of up to LONGEST characters, by the seed `number`."""
    found: list[str] = []

    @seed(number)
    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(words, max_size=20))
    def collect(parts: list[str]) -> None:
        found.append(" ".join("".join(parts).split(" "))[:LONGEST])

    collect()
    return [found[number % len(found)] for number in range(count)]
