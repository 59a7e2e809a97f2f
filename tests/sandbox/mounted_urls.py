from django.http import HttpResponse
from django.urls import include, path

accounts = ([path("", lambda request: HttpResponse(), name="account-list")], "accounts")
urlpatterns = [
    path("sandbox/", include("sandbox.urls")),
    path("accounts/", include(accounts)),
]
