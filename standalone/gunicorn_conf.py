"""Settings for `gunicorn -c python:standalone.gunicorn_conf`: the web as a process of its own."""

from pathlib import Path

from sameroom import settings

wsgi_app = "sameroom.wsgi"
bind = f"127.0.0.1:{settings.PORT}"
workers = settings.WEB_PROCESSES
worker_class = "gthread"
threads = settings.WEB_THREADS
timeout = 60
graceful_timeout = 3
# Longer than our own pooled connections rest, so that none is closed under a request.
keepalive = 75
loglevel = "warning"
# Its own messages in our format: one line per record, also from the arbiter.
logconfig_dict = {
    **settings.LOGGING,
    "loggers": {
        **settings.LOGGING["loggers"],
        "gunicorn.error": {"level": "WARNING", "handlers": ["console"], "propagate": False},
    },
}
control_socket_disable = True
# gunicorn's heartbeat file: on a disk it may block a worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn makes a private file in it
