"""Groups, users, guests, emoticons, and the pictures of them."""

import requests

from tests.sandbox.test_conformance import texts

PNG = b"\x89PNG\r\n\x1a\n"


def test_user_is_told_in_full(api):
    viewer = api.with_scopes("view_group")
    user = viewer.get("user/@ann").json()
    assert (user["id"], user["group"]["name"], user["is_group_admin"]) == (api.user.id, "Acme", True)
    assert user["last_active"].isdigit()
    assert user["presence"]["is_online"] is True
    assert viewer.get(f"user/{user['email']}").json() == user
    picture = requests.get(user["photo_url"], timeout=30)
    assert (picture.headers["Content-Type"], picture.content[:8]) == ("image/png", PNG)


def test_two_people_do_not_look_alike(api):
    viewer = api.with_scopes("view_group")
    pictures = [
        requests.get(viewer.get(f"user/@{name}").json()["photo_url"], timeout=30).content
        for name in ("ann", "bo")
    ]
    assert pictures[0] != pictures[1]


def test_presence_of_who_is_offline_is_null(api):
    bo = api.world.user_named("Bo Ray")
    api.world.set_online(bo.id, online=False)
    assert api.with_scopes("view_group").get(f"user/{bo.id}").json()["presence"] is None


def test_deleted_user_is_gone_but_for_what_they_said(api):
    bo = api.world.user_named("Bo Ray")
    own = api.world.create_token(bo.id, ["view_room"])
    api.world.post_message(api.room.id, bo.id, "bye")
    api.world.delete_user(bo.id)
    viewer = api.with_scopes("view_group")
    assert "Bo Ray" not in [user["name"] for user in viewer.get("user").json()["items"]]
    assert "Bo Ray" in [user["name"] for user in viewer.get("user", include_deleted="true").json()["items"]]
    assert viewer.get(f"user/{bo.id}").json()["is_deleted"] is True
    assert api.latest()[0]["from"]["name"] == "Bo Ray"
    api.token = own
    assert api.get("room").status_code == 401


def test_guest_speaks_where_they_were_let_in_and_is_not_found(api):
    guest = api.world.create_user(77, "Gil", is_guest=True)
    assert guest.mention_name == "GilGuest"
    assert not api.world.may_enter(api.room, guest)
    api.world.add_member(api.room.id, guest.id)
    api.world.post_message(api.room.id, guest.id, "hello")
    (item,) = api.latest()
    assert item["from"]["mention_name"] == "GilGuest"
    assert api.with_scopes("view_group").get(f"user/{item['from']['id']}").status_code == 404
    elsewhere = api.world.room_named("Watercooler")
    assert guest not in api.world.rooms.members(elsewhere)


def test_lists_are_expanded_at_every_depth(api):
    viewer = api.with_scopes("view_group", "view_messages")
    users = viewer.get("user", expand="items").json()["items"]
    assert users[0]["title"] == "Support"
    rooms = viewer.get("room", expand="items,items.owner,items.participants,items.statistics").json()["items"]
    assert rooms[1]["owner"]["title"] == "Support"
    assert {person["title"] for person in rooms[1]["participants"]} >= {"Support", "Engineering"}
    assert rooms[1]["statistics"]["messages_sent"] == 0
    api.say("hi")
    latest = viewer.get(f"room/{api.room.id}/history/latest", expand="items.from").json()["items"]
    assert latest[0]["from"]["title"] == "Support"
    strange = viewer.get("room", expand="nothing,items.nothing,,.,links.self,startIndex")
    assert strange.json()["items"][1]["topic"] == "Questions from customers"


def test_session_is_expanded(api):
    path = f"oauth/token/{api.token.token}"
    assert "title" not in api.get(path).json()["owner"]
    assert api.get(path, expand="owner").json()["owner"]["title"] == "Support"


def test_emoticons_are_global_or_the_groups(api):
    viewer = api.with_scopes("view_group")
    made = api.world.create_emoticon(api.user.id, "Roundtable")
    globals_ = viewer.get("emoticon", type="global", max_results=1000).json()["items"]
    (own,) = viewer.get("emoticon", type="group").json()["items"]
    everything = viewer.get("emoticon", max_results=1000).json()["items"]
    assert everything == [*globals_, own]
    assert own["shortcut"] == "roundtable"
    assert own["url"].startswith(f"{api.server.url}/img/emoticons/77/roundtable-")
    assert viewer.get("emoticon", type="other").status_code == 400
    detail = viewer.get(f"emoticon/{made.id}").json()
    assert (detail["type"], detail["creator"]["name"], detail["height"]) == ("group", "Ann Lee", 32)
    assert viewer.get("emoticon/heart").json()["creator"] is None
    for emoticon in (own, globals_[0]):
        assert requests.get(emoticon["url"], timeout=30).content[:8] == PNG


def test_emoticons_of_another_group_are_not_seen(api):
    api.world.create_emoticon(api.world.user_named("Dana Fox").id, "globe")
    assert api.with_scopes("view_group").get("emoticon/globe").status_code == 404


def share(api, path, **headers):
    body = (
        '--b\nContent-Type: application/json\nContent-Disposition: attachment; name="metadata"\n\n'
        '{"message": "look"}\n'
        '--b\nContent-Type: image/png\nContent-Disposition: attachment; name="file"; filename="a b.png"\n\n'
        "picture\n--b--\n"
    )
    return api.call("POST", path, data=body, headers={"Content-Type": "multipart/related; boundary=b"})


def test_files_and_links_are_shared_in_private(api):
    assert share(api, "user/@bo/share/file").status_code == 204
    link = {"link": "https://example.com/x", "message": "see"}
    assert api.post("user/@bo/share/link", link).status_code == 204
    assert api.post("user/@bo/message", {"message": "x", "message_format": "rtf"}).status_code == 400
    file, text = api.get("user/@bo/history/latest").json()["items"]
    assert (file["message"], file["file"]["name"]) == ("look", "a b.png")
    assert text["message"] == "see https://example.com/x"
    assert requests.get(file["file"]["url"], timeout=30).content == b"picture"
    assert texts(api.latest()) == []


def test_thumbnail_has_an_address_of_its_own(api):
    assert share(api, f"room/{api.room.id}/share/file").status_code == 204
    (item,) = api.latest()
    assert item["file"]["url"].endswith("/a%20b.png")
    assert item["file"]["thumb_url"].endswith("/a%20b_thumb.png")
    thumbnail = requests.get(item["file"]["thumb_url"], timeout=30)
    assert (thumbnail.headers["Content-Type"], thumbnail.content) == ("image/png", b"picture")


def test_thumbnail_of_an_authenticated_file(api):
    api.world.set_switches(authenticated_files=True)
    share(api, f"room/{api.room.id}/share/file")
    (item,) = api.latest()
    assert item["authenticated_file"].keys() == {"id", "name", "size"}
    path = f"file/{item['authenticated_file']['id']}"
    assert api.get(path).json()["temp_download_url"].endswith("/a%20b.png")
    found = api.get(path, thumbnail="true").json()
    assert found["temp_url"].endswith("/a%20b_thumb.png")
    assert requests.get(found["temp_download_url"], timeout=30).content == b"picture"
    assert requests.get(f"{api.server.url}/v2/{path}", timeout=30).status_code == 401
