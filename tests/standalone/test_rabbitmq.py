"""RabbitMQ as the broker, with and without a Redis for the cache: `tests/run.py --only rabbitmq`."""

import pytest

from standalone import demo
from tests import servers
from tests.standalone.conftest import Start

pytestmark = [pytest.mark.xdist_group("servers"), pytest.mark.rabbitmq]


@pytest.mark.parametrize("cache", ["redis", "memory"])
def test_conversation_is_relayed(
    start: Start, stores: dict[str, str], rabbitmq: servers.Server, cache: str
) -> None:
    if cache == "memory":
        stores["REDIS_URL"] = ""
    running = start(**stores)
    said: list[str] = []

    demo.run(running.url, 5, said.append)

    assert said[-1] == "No message came back to where it was said."
    print("\n".join(said))
    assert "Traceback" not in running.text()
