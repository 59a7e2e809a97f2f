"""Help pages, open to everybody: one view over the pages of the book, one over their list and the search."""

from itertools import pairwise

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from guides import book
from guides.search import search


@require_safe
def guide_list(request: HttpRequest, language: str) -> HttpResponse:
    """What there is to read; with `?q=`, where the words looked for stand."""
    if language not in book.LANGUAGES:
        raise Http404(f"There is no help in the language {language!r}.")
    chapters = book.chapters(language)
    looked_for = request.GET.get("q", "").strip()
    context = {"language": language, "chapters": chapters, "q": looked_for}
    if looked_for:
        return render(request, "guides/found.html", context | {"found": search(looked_for, language)})
    return render(request, f"guides/{language}/index.html", context)


@require_safe
def guide(request: HttpRequest, language: str, section: str, name: str) -> HttpResponse:
    """One page of help."""
    page = book.find(language, section, name)
    if page is None:
        raise Http404(f"There is no help page {section}/{name} in the language {language!r}.")
    around = [None, *book.pages(language), None]
    before = next(one for one, other in pairwise(around) if other == page)
    after = next(other for one, other in pairwise(around) if one == page)
    context = {"chapters": book.chapters(language), "before": before, "after": after}
    return render(request, page.template, book.context(page) | context)
