import time
import uuid

from django.core.cache import cache
from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from monitor import counting
from tests.standalone.probe import tasks


def mark(request: HttpRequest) -> JsonResponse:
    """Queue a task and answer with what it noted."""
    key, queued = uuid.uuid4().hex, time.time()
    tasks.mark.delay(key)
    while (found := cache.get(key)) is None and time.time() < queued + 5:
        time.sleep(0.001)
    return JsonResponse({**found, "seconds": found["at"] - queued} if found else {})


def hang(request: HttpRequest) -> JsonResponse:
    for _ in range(int(request.GET["times"])):
        tasks.hang.delay()
    return JsonResponse({})


def count(request: HttpRequest) -> JsonResponse:
    """Count in this process and in a worker's."""
    counting.events_in("message", "hipchat", int(request.GET["here"]))
    tasks.tally.delay(int(request.GET["there"]))
    return JsonResponse({})


def fail(request: HttpRequest) -> JsonResponse:
    tasks.fail.delay(request.GET["words"])
    return JsonResponse({})


urlpatterns = [
    path("probe/mark", mark),
    path("probe/hang", hang),
    path("probe/count", count),
    path("probe/fail", fail),
    path("", include("sameroom.urls")),
]
