"""The addresses that watch: no trailing slash, as probes and Prometheus expect them."""

from django.urls import path

from monitor import views

app_name = "monitor"
urlpatterns = [
    path("metrics", views.metrics, name="metrics"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]
