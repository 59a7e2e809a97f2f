"""The WSGI entry point, for gunicorn and for the one-process runner."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sameroom.settings")

application = get_wsgi_application()
