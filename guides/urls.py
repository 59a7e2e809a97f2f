"""Addresses of the help pages."""

from django.urls import path, re_path
from django.views.generic import RedirectView

from guides import views

app_name = "guides"
urlpatterns = [
    path("getting-started/", RedirectView.as_view(pattern_name="guides:guide-list"), {"language": "en"}),
    path("getting-started/<slug:language>/", views.guide_list, name="guide-list"),
    # Links to these pages come with and without the slash at the end.
    re_path(
        r"^getting-started/(?P<language>[a-z-]+)/(?P<name>[a-z0-9_-]+)/?$",
        views.guide,
        {"section": ""},
        name="guide-of-all",
    ),
    re_path(
        r"^getting-started/(?P<language>[a-z-]+)/(?P<section>[a-z-]+)/(?P<name>[a-z0-9_-]+)/?$",
        views.guide,
        name="guide",
    ),
]
