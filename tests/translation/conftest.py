from tests.relay.conftest import rings

__all__ = ["rings"]
