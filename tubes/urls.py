"""Addresses of Tubes."""

from django.urls import path

from tubes import (
    hooks,
    views,
    views_entering,
    views_files,
    views_notices,
    views_options,
    views_undelivered,
)

app_name = "tubes"
urlpatterns = [
    path("open-a-tube/", views.side_a_pick, name="tube-open"),
    path("open-a-tube/<str:listing_code>/", views.side_b_pick, name="tube-open-side-b"),
    path("open-a-tube/enter/<str:account_code>/", views_entering.room_enter_do, name="room-enter"),
    path("open-a-tube/make/<str:account_code>/", views_entering.room_make_page, name="room-make"),
    path(
        "open-a-tube/<str:listing_code>/enter/<str:account_code>/",
        views_entering.room_enter_do,
        name="room-enter-side-b",
    ),
    path(
        "open-a-tube/<str:listing_code>/make/<str:account_code>/",
        views_entering.room_make_page,
        name="room-make-side-b",
    ),
    path("manage/", views.tube_list, name="tube-list"),
    path("manage/notices/", views_notices.notice_list, name="notice-list"),
    path("manage/notices/dismiss/", views_notices.notices_dismiss_do, name="notices-dismiss"),
    path("manage/notices/<str:notice_code>/dismiss/", views_notices.notice_dismiss_do, name="notice-dismiss"),
    path("tubes/<str:tube_code>/", views.tube_detail, name="tube-detail"),
    path("tubes/<str:tube_code>/pause/", views.tube_pause_do, name="tube-pause"),
    path("tubes/<str:tube_code>/resume/", views.tube_resume_do, name="tube-resume"),
    path("tubes/<str:tube_code>/retry/", views.tube_retry_do, name="tube-retry"),
    path("rooms/<str:seat_code>/options/", views_options.posting_options, name="posting-options"),
    path("files/<str:key>/<path:name>", views_files.linked_file, name="linked-file"),
    path("hooks/<str:account_code>/<str:secret>/", hooks.hook, name="hook"),
    path("tubes/<str:tube_code>/close/", views.tube_close_page, name="tube-close"),
    path("tubes/<str:tube_code>/undelivered/", views_undelivered.undelivered_list, name="undelivered-list"),
    path(
        "tubes/<str:tube_code>/undelivered/send-again/",
        views_undelivered.send_all_again_page,
        name="undelivered-send-all",
    ),
    path(
        "tubes/<str:tube_code>/undelivered/<str:delivery_code>/send-again/",
        views_undelivered.send_again_page,
        name="undelivered-send",
    ),
]
