"""What a new sandbox contains: two companies that could share a room."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .world import World


@dataclass(frozen=True, slots=True)
class GroupPlan:
    id: int
    name: str
    people: tuple[tuple[str, str, str], ...]  # name, mention name, title
    open_rooms: tuple[tuple[str, str], ...]  # name, topic
    private_room: tuple[str, str]
    greeting: str


PLANS = (
    GroupPlan(
        id=77,
        name="Acme",
        people=(
            ("Ann Lee", "Ann", "Support"),
            ("Bo Ray", "Bo", "Engineering"),
            ("Chidi Okafor", "Chidi", "Sales"),
        ),
        open_rooms=(("Support", "Questions from customers"), ("Watercooler", "Anything but work")),
        private_room=("Globex project", "Shared with our partner"),
        greeting="Morning! Anything from Globex yet?",
    ),
    GroupPlan(
        id=42,
        name="Globex",
        people=(
            ("Dana Fox", "Dana", "Account manager"),
            ("Emil Novak", "Emil", "Engineering"),
            ("Farah Aziz", "Farah", "Operations"),
        ),
        open_rooms=(("Helpdesk", "Ask here first"), ("Lounge", "Take a break")),
        private_room=("Acme project", "Shared with our partner"),
        greeting="Hi all, the Acme project starts today.",
    ),
)
BOT_NAME = "Sameroom Bot"


def seed(world: "World") -> None:
    for plan in PLANS:
        seed_group(world, plan)


def seed_group(world: "World", plan: GroupPlan) -> None:
    world.create_group(plan.name, group_id=plan.id)
    people = [
        world.create_user(plan.id, name, mention_name=mention, title=title, is_group_admin=index == 0)
        for index, (name, mention, title) in enumerate(plan.people)
    ]
    bot = world.create_user(plan.id, BOT_NAME, title="Relays messages")
    owner = people[0]
    for name, topic in plan.open_rooms:
        world.create_room(owner.id, name, topic=topic)
    name, topic = plan.private_room
    private = world.create_room(
        owner.id, name, privacy="private", topic=topic, members=[people[1].id, bot.id]
    )
    world.post_message(private.id, owner.id, plan.greeting)
