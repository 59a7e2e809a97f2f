"""Help pages, open to everybody: one view over the templates there are.

A page about a service is brought by its connector (`connectors/<kind>/help.html`, in the section
`accounts`); any other is a template in `templates/guides/<language>/`, or in a section's folder there.
"""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.views.decorators.http import require_safe

from connectors.base import Connector
from connectors.registry import connector_class, connectors

LANGUAGES = ("en",)  # that pages are written in
OF_SERVICES = "accounts"  # the section of the connectors' pages


@require_safe
def guide_list(request: HttpRequest, language: str) -> HttpResponse:
    """What there is to read."""
    if language not in LANGUAGES:
        raise Http404(f"There is no help in the language {language!r}.")
    services = [cls for cls in connectors().values() if _exists(_page_of(cls))]
    context = {"language": language, "services": [{"kind": cls.kind, "label": cls.label} for cls in services]}
    return render(request, f"guides/{language}/index.html", context)


@require_safe
def guide(request: HttpRequest, language: str, section: str, name: str) -> HttpResponse:
    """One page of help."""
    service = connector_class(name) if section == OF_SERVICES else None
    place = "/".join(filter(None, ("guides", language, section, name)))
    template = _page_of(service) if service else f"{place}.html"
    if place.endswith("/index") or language not in LANGUAGES or not _exists(template):
        raise Http404(f"There is no help page {section}/{name} in the language {language!r}.")
    context: dict[str, Any] = {"language": language, "catch_up_hours": settings.CATCH_UP_HOURS}
    if service:
        # The class itself would be called by the template engine.
        context |= {"kind": service.kind, "label": service.label, "can": service.capabilities}
    return render(request, template, context)


def _page_of(service: type[Connector]) -> str:
    return f"connectors/{service.kind}/help.html"


def _exists(template: str) -> bool:
    try:
        get_template(template)
    except TemplateDoesNotExist:
        return False
    return True
