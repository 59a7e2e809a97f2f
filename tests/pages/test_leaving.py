"""Pages of one's own data: taking it along, and deleting one's user after the password was asked for."""

import json

from accounts.models import Letter, User
from tests import factories


def confirm(page, to="/user/delete/"):
    return page.post(f"/user/reauthenticate/?next={to}", {"password": factories.PASSWORD, "next": to})


def test_the_menu_leads_to_ones_own_data(page):
    assert 'href="/user/data/"' in page.get("/accounts/").content.decode()
    text = page.get("/user/data/").content.decode()
    assert 'href="/user/data/export/"' in text
    assert 'href="/user/delete/"' in text


def test_the_export_is_a_file_of_ones_own_rows(page, ann):
    mine, _ = factories.account(ann), factories.account()

    response = page.get("/user/data/export/")

    assert response.streaming
    assert response["Content-Disposition"].startswith('attachment; filename="sameroom-')
    document = json.loads(b"".join(response.streaming_content))
    assert [row["code"] for row in document["accounts"]] == [mine.code]


def test_deleting_asks_for_the_password_first_however_short_ago_one_signed_in(page, ann):
    for answer in (page.get("/user/delete/"), page.post("/user/delete/", {"email": ann.email})):
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/user/reauthenticate/")

    assert User.objects.filter(pk=ann.pk).exists()


def test_a_wrong_password_deletes_nobody(page, ann):
    answer = page.post("/user/reauthenticate/?next=/user/delete/", {"password": "wrong"})

    assert "This is not your password." in answer.content.decode()
    assert page.get("/user/delete/").status_code == 302


def test_deleting_says_what_goes_and_wants_the_address_typed(page, ann):
    account = factories.account(ann, remote_user_name="Helper")
    factories.tube(factories.seat(account))
    confirm(page)

    asked = page.get("/user/delete/").content.decode()
    refused = page.post("/user/delete/", {"email": "bob@example.com"}).content.decode()

    assert "1 open Tube ends" in asked
    assert "Helper" in asked
    assert "This is not the address you sign in with" in refused
    assert User.objects.filter(pk=ann.pk).exists()


def test_deleting_signs_out_everywhere_and_writes(page, ann, client):
    elsewhere = type(client)()
    elsewhere.force_login(ann)
    confirm(page)

    answer = page.post("/user/delete/", {"email": " Ann@Example.com "}, follow=True)

    assert "Your user and everything of yours is deleted." in answer.content.decode()
    assert not User.objects.filter(pk=ann.pk).exists()
    assert elsewhere.get("/accounts/").status_code == page.get("/accounts/").status_code == 302
    assert [letter.to for letter in Letter.objects.all()] == ["ann@example.com"]
    assert "from 127.0.0.1" in Letter.objects.get().text


def test_who_holds_shared_accounts_is_told_to_remove_them_first(page, ann):
    factories.account(ann, is_shared=True)
    confirm(page)

    answer = page.post("/user/delete/", {"email": ann.email}).content.decode()

    assert "Remove those first." in answer
    assert User.objects.filter(pk=ann.pk).exists()


def test_linking_and_removing_an_account_mail_the_owner(page, ann):
    page.post("/accounts/add/echo/", {"team": "acme", "name": "bot", "token": "open-sesame"})
    account = ann.linked_accounts.get()
    page.post(f"/accounts/{account.code}/renew/", {"team": "acme", "name": "bot", "token": "open-sesame"})
    page.post(f"/accounts/{account.code}/remove/")

    letters = Letter.objects.order_by("pk")
    assert [letter.subject for letter in letters] == [f"{account} was linked", f"{account} was removed"]
    assert all("from 127.0.0.1" in letter.text and "open-sesame" not in letter.text for letter in letters)
