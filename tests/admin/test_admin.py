import pytest
from django.test import Client
from django.urls import reverse

from tests import factories
from tubes.models import Installation, Post
from tubes.relay import guard

pytestmark = pytest.mark.django_db

LISTS = [
    "accounts_user",
    "accounts_invitation",
    "accounts_linkedaccount",
    "tubes_room",
    "tubes_roomlisting",
    "tubes_seat",
    "tubes_portal",
    "tubes_portalrequest",
    "tubes_tube",
    "tubes_event",
    "tubes_delivery",
    "tubes_post",
    "tubes_notice",
    "tubes_installation",
]


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(factories.user(is_staff=True, is_superuser=True))
    return client


def one_of_each() -> dict[str, int]:
    tube = factories.tube()
    factories.listing(tube.side_a.account)
    body = {"v": 1, "blocks": [{"type": "paragraph", "inlines": ["a private sentence"]}]}
    event = factories.event(tube.side_a.room, body=body)
    delivery = factories.delivery(event, tube.side_b, status="failed", error="The service said no.")
    request = factories.portal_request(factories.portal(tube.side_a, key="a-private-key"))
    post = Post.objects.create(delivery=delivery, room=delivery.room, remote_id="r-1")
    return {
        "accounts_linkedaccount": tube.side_a.account.pk,
        "tubes_room": tube.side_a.room.pk,
        "tubes_seat": tube.side_a.pk,
        "tubes_portal": request.portal.pk,
        "tubes_portalrequest": request.pk,
        "tubes_tube": tube.pk,
        "tubes_event": event.pk,
        "tubes_delivery": delivery.pk,
        "tubes_post": post.pk,
        "tubes_notice": factories.notice(tube.side_b).pk,
        "tubes_installation": Installation.objects.create(pk=1, public_url="https://one.example").pk,
    }


def test_every_list_and_page_opens_and_shows_neither_secrets_nor_messages(operator: Client) -> None:
    pages = [reverse(f"admin:{name}_changelist") for name in LISTS]
    pages += [reverse(f"admin:{name}_change", args=[pk]) for name, pk in one_of_each().items()]

    answers = {page: operator.get(page) for page in pages}

    assert {page: answer.status_code for page, answer in answers.items()} == dict.fromkeys(pages, 200)
    leaks = [
        page
        for page, answer in answers.items()
        for secret in ("open-sesame", "a private sentence", "a-private-key")
        if secret in answer.content.decode()
    ]
    assert leaks == []


def test_a_delivery_shows_its_state_age_and_last_error(operator: Client) -> None:
    one_of_each()

    page = operator.get(reverse("admin:tubes_delivery_changelist")).content.decode()

    assert all(word in page for word in ("Failed", "0\xa0minutes", "The service said no."))


def test_lists_lead_to_each_other(operator: Client) -> None:
    rows = one_of_each()
    links = [
        reverse("admin:tubes_seat_changelist", query={"account__id__exact": rows["accounts_linkedaccount"]}),
        reverse("admin:tubes_event_changelist", query={"room__id__exact": rows["tubes_room"]}),
        reverse("admin:tubes_delivery_changelist", query={"event__id__exact": rows["tubes_event"]}),
        reverse("admin:tubes_delivery_changelist", query={"seat__id__exact": rows["tubes_seat"]}),
        reverse("admin:tubes_tube_changelist", query={"portal__id__exact": rows["tubes_portal"]}),
        reverse("admin:tubes_portalrequest_changelist", query={"portal__id__exact": rows["tubes_portal"]}),
        reverse("admin:tubes_post_changelist", query={"delivery__id__exact": rows["tubes_delivery"]}),
    ]

    assert [operator.get(link).status_code for link in links] == [200] * len(links)


def test_the_relays_rows_cannot_be_changed_by_hand(operator: Client) -> None:
    rows = one_of_each()

    answers = [operator.post(reverse(f"admin:{name}_change", args=[pk]), {}) for name, pk in rows.items()]

    assert [answer.status_code for answer in answers] == [403] * len(rows)


def test_somebody_who_is_no_operator_is_sent_away(client: Client) -> None:
    client.force_login(factories.user())

    assert [client.get(reverse(f"admin:{name}_changelist")).status_code for name in LISTS] == [302] * len(
        LISTS
    )


def test_operators_give_a_user_another_limit(operator: Client) -> None:
    user = factories.user()

    page = operator.get(reverse("admin:accounts_user_change", args=[user.pk])).content.decode()

    assert 'name="daily_messages"' in page


def test_admin_says_that_the_relay_is_stopped(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LOOK_AGAIN", 0.0)
    guard.forget()
    Installation.objects.create(pk=1, public_url="https://one.example", stopped_because="Copied.")

    assert "The relay is stopped. Copied." in operator.get(reverse("admin:index")).content.decode()
