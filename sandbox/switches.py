"""Where the sources on HipChat are silent or disagree, the sandbox can behave either way."""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from .records import SandboxError

LARGEST = 10**12


@dataclass(slots=True)
class Switches:
    """What to do in the cases nobody could confirm; the value named first is the default.

    | switch | values |
    |---|---|
    | capabilities | are `open`, or need a token (`closed`) |
    | header_or_query | where the token is taken from if both have one: `header` or `query` |
    | expires_in | a session tells the seconds `left`, or its `whole` life |
    | unknown_session | `401` or `404` for the session of an unknown token |
    | told_first | where a scope and a room are missing: the `scope`, or the `room` |
    | auth_test_body | `skipped`, or `checked` where a call sends something |
    | not_found_text | the 404 of a room or user is `named` after it, or `plain` as until 2015 |
    | error_details | a 400 has the keys field, validation and expected as well |
    | name_taken | `400` or `409` for a room name that is in use |
    | forbidden_room | `403` or `404` for a private room of others |
    | archived_room | sending into one answers `403` or `404`, or they `accept` it |
    | group_admin | lists and enters private rooms as a `member` only, or `all` of them |
    | rate_key | requests are counted by `token`, or by the `user` for all tokens together |
    | flood_key | sends are counted by `token_and_room`, by `token`, or by `room` |
    | window | limits have a `fixed` window from the first request on, or a `sliding` one |
    | refused_calls | are `free`, or `extend` the window |
    | reset_as_delta | while limited, the reset headers say 60 instead of a Unix time |
    | page_links | are `absolute`, `relative`, or absolute `with_token` if the query had one |
    | start_beyond_end | `empty` page or `404` |
    | room_order | by `name` or by `id` |
    | room_names | are found in `any_case`, or only `exact` |
    | numeric_name | digits in a path are the `id` if there is one, or first of all the `name` |
    | public_members | `404` or the `list`, linked to from the room, as from December 2016 |
    | unknown_not_before | `ignore` the parameter, or answer `404` |
    | timezone | dates are `moved` to it, or it is `ignored` |
    | timezone_with_end_date | `401` as HipChat did by mistake, or `accept` |
    | date_lag_seconds | how far date queries run behind |
    | start_index | history/latest has a startIndex (`told`), or not (`missing`) |
    | history_item | one message `wrapped` in {"message": ...}, or `bare` |
    | deleted_from | who wrote a deleted message is `kept`, or `null` |
    | topic_item | a change of topic is in the history as the `topic`, as a `sentence`, or not (`none`) |
    | guest_access_item | is from the `user` with a text, or from the `server` with the URL |
    | blank_message | `400`, or `accept` spaces as a message |
    | timestamp | of a sent message: `iso`, or as in an `export` |
    | reply_text | `plain`, or with the parent `quoted` above it |
    | shared_link | is a `text`, or has a `preview` in message_links as well |
    | link_previews | `none`, or what HipChat's `unfurler` added to messages with a URL |
    | notification_from | `both` sender and label, the `label` only, or the `sender` only |
    | file_bytes | the largest file that may be shared |
    | authenticated_files | uploads need a call to /file/{id} instead of being public |
    | dates | with `microseconds`, in whole `seconds`, or `naive`: without an offset either |
    | ids | are `numbers`, or `strings` as in early payloads |
    | stubs | are `full`, or `bare` of what early servers did not have |
    """

    capabilities: Literal["open", "closed"] = "open"
    header_or_query: Literal["header", "query"] = "header"
    expires_in: Literal["left", "whole"] = "left"
    unknown_session: Literal["401", "404"] = "401"
    told_first: Literal["scope", "room"] = "scope"
    auth_test_body: Literal["skipped", "checked"] = "skipped"
    not_found_text: Literal["named", "plain"] = "named"
    error_details: bool = False
    name_taken: Literal["400", "409"] = "400"
    forbidden_room: Literal["403", "404"] = "403"
    archived_room: Literal["403", "404", "accept"] = "403"
    group_admin: Literal["member", "all"] = "member"
    rate_key: Literal["token", "user"] = "token"
    flood_key: Literal["token_and_room", "token", "room"] = "token_and_room"
    window: Literal["fixed", "sliding"] = "fixed"
    refused_calls: Literal["free", "extend"] = "free"
    reset_as_delta: bool = False
    page_links: Literal["absolute", "relative", "with_token"] = "absolute"
    start_beyond_end: Literal["empty", "404"] = "empty"
    room_order: Literal["name", "id"] = "name"
    room_names: Literal["any_case", "exact"] = "any_case"
    numeric_name: Literal["id", "name"] = "id"
    public_members: Literal["404", "list"] = "404"
    unknown_not_before: Literal["ignore", "404"] = "ignore"
    timezone: Literal["moved", "ignored"] = "moved"
    timezone_with_end_date: Literal["401", "accept"] = "401"
    date_lag_seconds: float = 0.0
    start_index: Literal["told", "missing"] = "told"
    history_item: Literal["wrapped", "bare"] = "wrapped"
    deleted_from: Literal["kept", "null"] = "kept"
    topic_item: Literal["topic", "sentence", "none"] = "topic"
    guest_access_item: Literal["user", "server"] = "user"
    blank_message: Literal["400", "accept"] = "400"
    timestamp: Literal["iso", "export"] = "iso"
    reply_text: Literal["plain", "quoted"] = "plain"
    shared_link: Literal["text", "preview"] = "text"
    link_previews: Literal["none", "unfurler"] = "none"
    notification_from: Literal["both", "label", "sender"] = "both"
    file_bytes: int = 50 * 1024 * 1024
    authenticated_files: bool = False
    dates: Literal["microseconds", "seconds", "naive"] = "microseconds"
    ids: Literal["numbers", "strings"] = "numbers"
    stubs: Literal["full", "bare"] = "full"

    def set(self, **values: Any) -> None:
        """Change these, all or none. Raises SandboxError for what is no switch or no position of it."""
        for name, value in values.items():
            if not _fits(name, value):
                raise SandboxError(f"{name}={value!r} is no switch position")
        for name, value in values.items():
            setattr(self, name, value)

    def reset(self) -> None:
        for field in fields(self):
            setattr(self, field.name, field.default)


def _fits(name: str, value: object) -> bool:
    kind = KINDS.get(name)
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind is bool:
        return isinstance(value, bool)
    return kind is not None and type(value) in (int, float) and 0 <= value < LARGEST  # type: ignore[operator]


KINDS = get_type_hints(Switches)
