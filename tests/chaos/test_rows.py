"""What the judge reads from the tables themselves, which only PostgreSQL has."""

import pytest
from django.db import connection

from chaos.rows import Rows, Unknown
from connectors.markup import plain, to_json
from tests import factories
from tests.conftest import ON_SERVERS

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

if ON_SERVERS:

    def test_a_reaction_in_doubt_is_known_by_the_message_that_it_belongs_to() -> None:
        seat = factories.seat(room_=factories.room("there"))
        message = factories.event(body=to_json(plain.parse("#000004.00.0 hello")))
        reaction = factories.event(
            kind="reaction", target="where nobody has said it", body=None, about=message, emoji="👍"
        )
        doubted = factories.delivery(reaction, seat, status="unknown")
        place = connection.settings_dict
        rows = Rows(f"postgres://{place['USER']}@{place['HOST']}:{place['PORT']}/{place['NAME']}")

        assert rows.unknown() == [
            Unknown(
                doubted.pk, seat.room.name, "where nobody has said it", "000004", "reaction", is_told=False
            )
        ]
