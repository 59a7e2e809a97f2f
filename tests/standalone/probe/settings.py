"""The project's settings with the probe in them."""

from sameroom.settings import *  # noqa: F403
from sameroom.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.standalone.probe"]
ROOT_URLCONF = "tests.standalone.probe.urls"
