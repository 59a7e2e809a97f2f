"""Addresses of Tubes and Portals."""

from django.urls import path
from django.views.generic import RedirectView

from tubes import (
    hooks,
    views,
    views_crossings,
    views_ending,
    views_entering,
    views_files,
    views_maps,
    views_notices,
    views_onboarding,
    views_options,
    views_portals,
    views_undelivered,
    views_visits,
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
    path("create-a-portal/", views_portals.portal_pick, name="portal-create"),
    path("create-a-portal/<str:listing_code>/", views_portals.portal_new, name="portal-new"),
    path(
        "create-a-portal/enter/<str:account_code>/",
        views_entering.portal_enter_do,
        name="portal-enter",
    ),
    path("create-a-portal/make/<str:account_code>/", views_entering.portal_make_page, name="portal-make"),
    path("portals/<str:portal_key>/", views_portals.portal_detail, name="portal-detail"),
    path("portals/<str:portal_key>/options/", views_portals.portal_options, name="portal-options"),
    path("portals/<str:portal_key>/delete/", views_ending.portal_delete_page, name="portal-delete"),
    path("portals/<str:portal_key>/restore/", views_ending.portal_restore_do, name="portal-restore"),
    path("portals/<str:portal_key>/close-tubes/", views_ending.portal_close_page, name="portal-close"),
    path("portals/asked/<str:asked_code>/approve/", views_portals.request_approve_do, name="portal-approve"),
    path("portals/asked/<str:asked_code>/decline/", views_portals.request_decline_do, name="portal-decline"),
    path("p/requests/<str:request_code>/", views_visits.portal_request, name="portal-request"),
    path(
        "p/requests/<str:request_code>/withdraw/",
        views_visits.request_withdraw_do,
        name="portal-withdraw",
    ),
    path("p/<str:visited_key>", views_visits.portal_visit, name="portal-visit"),
    path(
        "p/<str:visited_key>/", RedirectView.as_view(pattern_name="tubes:portal-visit"), name="portal-slash"
    ),
    path(
        "p/<str:visited_key>/enter/<str:account_code>/",
        views_visits.visit_enter_do,
        name="portal-visit-enter",
    ),
    path(
        "p/<str:visited_key>/make/<str:account_code>/",
        views_visits.visit_make_page,
        name="portal-visit-make",
    ),
    path("manage/", views.tube_list, name="tube-list"),
    path("manage/first-steps/", views_onboarding.first_steps, name="first-steps"),
    path("manage/first-steps/end/", views_onboarding.first_steps_end_do, name="first-steps-end"),
    path("manage/first-steps/again/", views_onboarding.first_steps_again_do, name="first-steps-again"),
    path("manage/notices/", views_notices.notice_list, name="notice-list"),
    path("manage/notices/dismiss/", views_notices.notices_dismiss_do, name="notices-dismiss"),
    path("manage/notices/<str:notice_code>/dismiss/", views_notices.notice_dismiss_do, name="notice-dismiss"),
    path("manage/notices/<str:notice_code>/restore/", views_notices.notice_restore_do, name="notice-restore"),
    path("tubes/<str:tube_code>/", views.tube_detail, name="tube-detail"),
    path("tubes/<str:tube_code>/pause/", views.tube_pause_do, name="tube-pause"),
    path("tubes/<str:tube_code>/resume/", views.tube_resume_do, name="tube-resume"),
    path("tubes/<str:tube_code>/retry/", views.tube_retry_do, name="tube-retry"),
    path("rooms/<str:seat_code>/options/", views_options.posting_options, name="posting-options"),
    path(
        "rooms/<str:seat_code>/mutes/<str:mute_code>/remove/",
        views_options.mute_remove_do,
        name="mute-remove",
    ),
    path("maps/<str:key>", views_maps.network_map, name="network-map"),
    path("tubes/<str:tube_code>/map/", views_maps.tube_map, name="tube-map"),
    path("tubes/<str:tube_code>/map/share/", views_maps.map_make_do, name="map-make"),
    path("files/<str:key>/<path:name>", views_files.linked_file, name="linked-file"),
    path("hooks/<slug:kind>/", hooks.service_hook, name="service-hook"),
    path("hooks/<str:account_code>/<str:secret>/", hooks.hook, name="hook"),
    path("tubes/<str:tube_code>/close/", views_ending.tube_close_do, name="tube-close"),
    path("tubes/<str:tube_code>/reopen/", views_ending.tube_reopen_do, name="tube-reopen"),
    path("tubes/<str:tube_code>/log/", views_crossings.crossing_list, name="crossing-list"),
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
