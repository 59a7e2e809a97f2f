"""A short form of `make soak`, and what it is made of."""

from pathlib import Path

import pytest

from soak.run import Soak, soak
from soak.texts import LONGEST, texts
from tests import servers


@pytest.mark.xdist_group("chaos")
@pytest.mark.usefixtures("postgres", "redis")  # so that it is left out where there are none
def test_hipchat_talk_of_every_kind_arrives_once_and_within_the_limits(tmp_path: Path) -> None:
    with servers.postgres(durable=True) as postgres, servers.redis() as redis:
        result = soak(Soak(seed=3, messages=100, minutes=0.4), tmp_path, postgres, redis, print)

    assert (result.problems, result.refused) == ([], {})
    assert result.outcome.done == 100
    assert len(result.outcome.applied) == 9
    assert result.outcome.deliveries["sent"] > 90


def test_texts_are_the_same_for_the_same_seed() -> None:
    one, again, other = texts(1, 50), texts(1, 50), texts(2, 50)

    assert (one == again, one == other, len(one)) == (True, False, 50)
    assert max(map(len, one)) <= LONGEST
