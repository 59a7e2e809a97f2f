import re

import pytest
import requests


@pytest.fixture
def browser(server):
    with requests.Session() as session:
        yield session


def submit(browser, url, **fields):
    page = browser.get(url, timeout=30).text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    return browser.post(url, data={"csrfmiddlewaretoken": token[1], **fields}, timeout=30)


@pytest.fixture
def access_url(api):
    return f"{api.server.url}/as/{api.user.id}/api-access/"


@pytest.fixture
def chat_url(api):
    return f"{api.server.url}/as/{api.user.id}/rooms/{api.room.id}/"


def test_index_shows_both_groups_with_people_and_rooms(server):
    page = requests.get(f"{server.url}/", timeout=30)
    assert page.status_code == 200
    for name in ("Acme", "Globex", "Ann Lee", "Dana Fox", "Support", "Helpdesk", server.url):
        assert name in page.text


def test_index_of_an_empty_world_says_what_to_do(server):
    server.world.reset(seeded=False)
    assert "no company here yet" in requests.get(f"{server.url}/", timeout=30).text


def test_pages_have_no_inline_style_or_script(server, api, chat_url, access_url):
    for url in (f"{server.url}/", f"{server.url}/as/{api.user.id}/", chat_url, access_url):
        page = requests.get(url, timeout=30)
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        assert not re.search(r"<style|style=|<script(?! src)| on\w+=", page.text)


@pytest.mark.parametrize("name", ["css/main.css", "sandbox/sandbox.css", "django_htmx/htmx-2.min.js"])
def test_static_files_are_served(server, name):
    assert requests.get(f"{server.url}/static/{name}", timeout=30).status_code == 200


@pytest.mark.parametrize(
    "path", ["static/../settings.py", "static/none.css", "as/1/", "as/99999999999999999999/"]
)
def test_nothing_is_404(server, path):
    assert requests.get(f"{server.url}/{path}", timeout=30).status_code == 404


def test_message_is_sent_from_the_chat_page(browser, api, chat_url):
    answer = submit(browser, chat_url, text="first 😀\r\n  <b>second</b>")
    assert [entry.status_code for entry in answer.history] == [302]
    assert "first 😀\n  &lt;b&gt;second&lt;/b&gt;" in answer.text
    assert [item["message"] for item in api.latest()] == ["first 😀\n  <b>second</b>"]


def test_long_message_may_be_typed(browser, api, chat_url):
    submit(browser, chat_url, text="x" * 32_768)
    assert [len(item["message"]) for item in api.latest()] == [32_768]
    assert submit(browser, chat_url, text="x" * 32_769).status_code == 400


@pytest.mark.parametrize("text", ["", "  \n", "a\0b"])
def test_empty_or_broken_message_is_refused(browser, api, chat_url, text):
    answer = submit(browser, chat_url, text=text)
    assert answer.status_code == 400
    assert "errorlist" in answer.text
    assert api.latest() == []


def test_form_of_another_site_is_refused(api, chat_url):
    assert requests.post(chat_url, data={"text": "hi"}, timeout=30).status_code == 403
    assert api.latest() == []


def test_message_list_is_sent_again_only_when_it_changed(api, chat_url):
    (message,) = api.say("A")
    page = requests.get(chat_url, timeout=30).text
    poll = api.server.url + re.search(r'hx-get="([^"]+)"', page)[1]
    assert requests.get(poll, timeout=30).status_code == 204
    api.world.edit_message(message.id, "B")
    changed = requests.get(poll, timeout=30)
    assert changed.status_code == 200
    assert '<p class="sandbox-text">B</p>' in changed.text


def test_private_room_is_closed_to_others(api):
    private = api.world.room_named("Globex project")
    outsider = api.world.user_named("Chidi Okafor")
    page = requests.get(f"{api.server.url}/as/{outsider.id}/rooms/{private.id}/", timeout=30)
    assert page.status_code == 404


def test_every_kind_of_item_is_shown(api, chat_url):
    world = api.world
    (gone,) = api.say("gone")
    world.delete_message(gone.id)
    world.set_topic(api.room.id, api.user.id, "New topic")
    world.post_notification(api.room.id, "CI", "<b>Built</b>")
    world.post_file(api.room.id, api.user.id, name="a.txt", content_type="text/plain", content=b"x")
    page = requests.get(chat_url, timeout=30).text
    for text in ("This message was deleted.", "“New topic”", "Built", ">a.txt</a>"):
        assert text in page


def test_token_is_created_shown_and_revoked(browser, api, access_url):
    fields = {"label": "Sameroom", "scopes": ["send_message", "view_messages", "view_room"]}
    answer = submit(browser, access_url, **fields)
    api.token = api.world.tokens.of_user(api.user.id)[0]
    assert (api.token.label, api.token.scopes) == (fields["label"], fields["scopes"])
    shown = re.search(r'<input[^>]*id="token-1"[^>]*value="(\w{40})"[^>]*readonly', answer.text)
    assert shown[1] == api.token.token
    assert "Send Messages, View Messages, View Room" in answer.text
    assert api.get("room").status_code == 200
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.text)[1]
    fields = {"csrfmiddlewaretoken": csrf, "client_id": api.token.client_id}
    answer = browser.post(f"{access_url}revoke/", data=fields, timeout=30)
    assert api.token.token not in answer.text
    assert api.get("room").status_code == 401


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"label": "", "scopes": ["view_room"]}, "Give the token a name"),
        ({"label": "Mine"}, "Pick at least one scope."),
        ({"label": "Mine", "scopes": ["root"]}, "Select a valid choice"),
    ],
)
def test_incomplete_token_is_refused_beside_the_field(browser, api, access_url, fields, sentence):
    before = api.world.tokens.all()
    answer = submit(browser, access_url, **fields)
    assert answer.status_code == 400
    assert sentence in answer.text
    assert api.world.tokens.all() == before


def test_token_of_somebody_else_is_not_revoked(browser, api, access_url):
    other = api.world.create_token(api.world.user_named("Bo Ray").id, ["view_room"])
    submit(browser, access_url, label="x", scopes=["view_room"])
    page = browser.get(access_url, timeout=30).text
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    fields = {"csrfmiddlewaretoken": csrf, "client_id": other.client_id}
    browser.post(f"{access_url}revoke/", data=fields, timeout=30)
    assert api.world.tokens.valid(other.token) is not None
