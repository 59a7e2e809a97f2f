import pytest

from sandbox import access
from sandbox.world import World


@pytest.fixture
def world(settings, monkeypatch):
    settings.ROOT_URLCONF = "tests.sandbox.mounted_urls"
    world = World()
    monkeypatch.setattr(access, "_default", world)
    yield world
    world.close()


def test_pages_lead_back_to_sameroom_and_ask_no_database(client, world):
    user, room = world.user_named("Ann Lee"), world.room_named("Support")
    for path in ("", f"as/{user.id}/", f"as/{user.id}/rooms/{room.id}/", f"as/{user.id}/api-access/"):
        page = client.get(f"/sandbox/{path}")
        assert page.status_code == 200
        assert '<a class="sandbox-back" href="/accounts/">' in page.content.decode()


def test_api_answers_with_addresses_below_its_mount(client, world):
    token = world.create_token(world.user_named("Ann Lee").id, ["view_room"])
    answer = client.get("/sandbox/v2/room", headers={"Authorization": f"Bearer {token.token}"})
    assert answer.status_code == 200
    assert answer.json()["links"]["self"] == "http://testserver/sandbox/v2/room"


def test_default_world_is_the_one_of_the_settings(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(access, "_default", None)
    settings.SANDBOX_DATABASE = str(tmp_path / "mounted.sqlite3")
    settings.SANDBOX_REQUEST_LIMIT, settings.SANDBOX_FLOOD_LIMIT = 5, 2
    world = access.default_world()
    assert world is access.default_world()
    assert (world.limits.requests.limit, world.limits.sends.limit) == (5, 2)
    assert (tmp_path / "mounted.sqlite3").exists()
    world.close()
