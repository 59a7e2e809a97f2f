"""Groups and the people in them."""

import re

from .clock import Clock
from .records import Group, Missing, SandboxError, User, new_version
from .store import Store


class Directory:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def create_group(self, name: str, *, group_id: int | None = None) -> Group:
        with self._store.transaction():
            group = Group(group_id or self._store.next_id(), name)
            self._store.insert("groups", id=group.id, name=group.name)
        return group

    def create_user(
        self,
        group_id: int,
        name: str,
        *,
        mention_name: str = "",
        email: str = "",
        title: str = "",
        is_group_admin: bool = False,
        is_online: bool = True,
        is_guest: bool = False,
    ) -> User:
        """Add a person; without a mention name, theirs is the name without its spaces."""
        self.group(group_id)
        mention_name = self._mention_name(group_id, mention_name or re.sub(r"\W", "", name), is_guest)
        with self._store.transaction():
            user_id = self._store.next_id()
            self._store.insert(
                "users",
                id=user_id,
                group_id=group_id,
                name=name,
                mention_name=mention_name,
                email=email or f"{mention_name.lower()}@group{group_id}.example.com",
                title=title,
                is_group_admin=is_group_admin,
                is_online=is_online,
                created=self._clock.micros(),
                version=new_version(),
                is_guest=is_guest,
                is_deleted=False,
            )
        return self.user(user_id)

    def _mention_name(self, group_id: int, wanted: str, is_guest: bool) -> str:
        """HipChat API v2, mentions: a guest's mention name ends in "Guest"."""
        if is_guest and not wanted.endswith("Guest"):
            wanted += "Guest"
        if not re.fullmatch(r"\w+", wanted):
            raise SandboxError("A mention name is made of letters and digits.")
        if any(user.mention_name.lower() == wanted.lower() for user in self.users(group_id)):
            raise SandboxError(f"@{wanted} is taken.")
        return wanted

    def set_online(self, user_id: int, is_online: bool) -> User:
        self._store.update("users", self.user(user_id).id, is_online=is_online)
        return self.user(user_id)

    def delete_user(self, user_id: int) -> None:
        """Take somebody out of the group; what they said keeps their name."""
        self._store.update("users", self.user(user_id).id, is_deleted=True, is_online=False)

    def groups(self) -> list[Group]:
        return [Group(**row) for row in self._store.rows("SELECT * FROM groups ORDER BY name")]

    def group(self, group_id: int) -> Group:
        row = self._store.row("SELECT * FROM groups WHERE id = ?", group_id)
        if row is None:
            raise Missing(f"Group {group_id} not found")
        return Group(**row)

    def users(self, group_id: int | None = None, *, with_deleted: bool = False) -> list[User]:
        """People by name, guests among them; of all groups when none is given."""
        rows = self._store.rows(
            "SELECT * FROM users WHERE (?1 IS NULL OR group_id = ?1) AND (?2 OR NOT is_deleted)"
            " ORDER BY lower(name), id",
            group_id,
            with_deleted,
        )
        return [User(**row) for row in rows]

    def users_by_id(self, ids: set[int]) -> dict[int, User]:
        marks = ", ".join("?" * len(ids))
        rows = self._store.rows(f"SELECT * FROM users WHERE id IN ({marks})", *ids)  # noqa: S608 - marks only
        return {row["id"]: User(**row) for row in rows}

    def user(self, user_id: int) -> User:
        row = self._store.row("SELECT * FROM users WHERE id = ?", user_id)
        if row is None:
            raise Missing(f"User {user_id} not found")
        return User(**row)

    def find(self, group_id: int, key: str) -> User:
        """A user by id, e-mail or @mention, as paths of the API name them; a guest is not found."""
        for user in self.users(group_id, with_deleted=True):
            named = key in (str(user.id), user.email) or key.lower() == f"@{user.mention_name.lower()}"
            if named and not user.is_guest:
                return user
        raise Missing(f"User {key} not found")
