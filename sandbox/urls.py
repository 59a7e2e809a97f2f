"""Everything the sandbox serves, relative to where it is mounted."""

from django.urls import include, path, register_converter
from django.urls.converters import IntConverter

from . import control, pages
from .wire import files
from .wire.calls import spoilable
from .wire.urls import urlpatterns as api


class IdConverter(IntConverter):
    """An id SQLite can hold."""

    regex = "[0-9]{1,15}"


register_converter(IdConverter, "sandbox_id")

app_name = "sandbox"
urlpatterns = [
    path("", pages.index, name="index"),
    path("as/<sandbox_id:user_id>/", pages.person, name="person"),
    path("as/<sandbox_id:user_id>/rooms/<sandbox_id:room_id>/", pages.room, name="chat"),
    path(
        "as/<sandbox_id:user_id>/rooms/<sandbox_id:room_id>/messages/",
        pages.room_messages,
        name="chat-messages",
    ),
    path("as/<sandbox_id:user_id>/api-access/", pages.api_access, name="api-access"),
    path("as/<sandbox_id:user_id>/api-access/revoke/", pages.api_access_revoke, name="api-access-revoke"),
    path("files/<str:file>/<path:name>", spoilable(files.download), name="download"),
    path("avatars/<str:name>.png", spoilable(files.picture), name="avatar"),
    path("img/emoticons/<path:name>.png", spoilable(files.picture), name="emoticon-picture"),
    path("_sandbox/<str:action>", control.act, name="control"),
    path("v2/", include(api)),
]
