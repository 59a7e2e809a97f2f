"""All addresses of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView

from tubes.views import home

handler429 = "accounts.views_limits.too_many"  # for allauth's own limits

ERROR_PAGES = ("400", "403", "403_csrf", "404", "429", "500")

urlpatterns = [
    path("", home, name="home"),
    path("", include("accounts.urls")),
    path("", include("tubes.urls")),
    path("", include("guides.urls")),
    path("user/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", include("monitor.urls")),
    path(
        "robots.txt",
        TemplateView.as_view(template_name="robots.txt", content_type="text/plain"),
        name="robots",
    ),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}img/icon-32.png"), name="favicon"),
    # The error pages, to be looked at.
    *(path(page, TemplateView.as_view(template_name=f"{page}.html")) for page in ERROR_PAGES),
]
if settings.SANDBOX:
    urlpatterns += [path("sandbox/", include("sandbox.urls"))]
