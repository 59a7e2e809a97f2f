"""A whole Tube Network, for whoever wants to look at it. Reads only."""

from __future__ import annotations

from tubes.relay import sql

# Every Tube of the network, paused ones too: rooms that they join belong together all the same.
AROUND = """
    WITH RECURSIVE together(room_id) AS (
        SELECT r.id FROM tubes_room r WHERE r.id = %s
        UNION
        SELECT far.room_id FROM together
        JOIN tubes_seat near ON near.room_id = together.room_id
        JOIN tubes_tube t ON t.status <> 'closed' AND (t.side_a_id = near.id OR t.side_b_id = near.id)
        JOIN tubes_seat far ON far.id = CASE WHEN t.side_a_id = near.id THEN t.side_b_id ELSE t.side_a_id END)
    SELECT t.id FROM tubes_tube t JOIN tubes_seat a ON a.id = t.side_a_id
    WHERE t.status <> 'closed' AND a.room_id IN (SELECT room_id FROM together)
    ORDER BY t.id LIMIT %s
"""


def tubes_around(room_id: int, most: int) -> list[int]:
    """The open and paused Tubes of a room's network, oldest first, `most` at the most. One query."""
    return [tube_id for (tube_id,) in sql.rows(AROUND, [room_id, most])]
