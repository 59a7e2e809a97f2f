"""Who may see a page."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.models import User


class SignedIn(HttpRequest):
    """A request as a view behind `login_required` or `live_page` gets it. Only for types."""

    user: User
    htmx: HtmxDetails


View = Callable[..., HttpResponse]


def live_page(view: View) -> View:
    """`login_required` for a page that also answers htmx with a part of itself.

    Where the session has ended, the sign-in form must not land inside the page: the whole page goes
    there. And the part must not come back from a cache in the page's place.
    """
    signed_in = login_required(view)

    @never_cache
    @vary_on_headers("HX-Request")
    @wraps(view)
    def page(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.htmx and not request.user.is_authenticated:  # type: ignore[attr-defined]
            here = urlsplit(request.htmx.current_url or "/").path  # type: ignore[attr-defined]
            query = urlencode({"next": here})
            return HttpResponseClientRedirect(f"{resolve_url('account_login')}?{query}")
        return signed_in(request, *args, **kwargs)

    return page


def acting_page(*, back: str) -> Callable[[View], View]:
    """For a view that only acts, on POST, and then goes `back` (a URL name).

    Where the session has ended, signing in leads to that page: the act itself cannot be opened.
    """

    def decorate(view: View) -> View:
        posted = require_POST(view)

        @wraps(view)
        def act(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(resolve_url(back))
            return posted(request, *args, **kwargs)

        return act

    return decorate
