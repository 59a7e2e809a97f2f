"""Every setting, driven by the environment; `.env.example` explains each variable."""

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from sameroom.env import (
    BASE_DIR,
    BROKERS,
    HOW_TO_MAKE_A_FERNET_KEY,
    STORES,
    env,
    fernet_keys,
    keep_local_keys,
    one_of,
    required,
)

# The local default: loopback, SQLite, one process, keys made and kept in VAR_DIR.
LOCAL = env.flag("LOCAL", default=False)
DEBUG = env.flag("DEBUG", default=False)
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))

# ----------------------------------------------------------------- keys and addresses
if LOCAL or DEBUG:
    keep_local_keys(VAR_DIR)
SECRET_KEY = required(
    "SECRET_KEY",
    how="Make one with: .venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(50))'. "
    "For a try-out use `make run`, and put LOCAL=1 before other commands.",
)
if len(SECRET_KEY) < 32 and not (LOCAL or DEBUG):
    raise ImproperlyConfigured("SECRET_KEY is too short: it has to have at least 32 characters.")
# Fernet keys, newest first, comma separated: the first encrypts, all decrypt.
ENCRYPTION_KEYS = fernet_keys(required("ENCRYPTION_KEYS", how=HOW_TO_MAKE_A_FERNET_KEY))
PORT = env.int("PORT", default=8000, least=1, most=65_535)
PUBLIC_URL = (
    env.str("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}")
    if LOCAL or DEBUG
    else required(
        "PUBLIC_URL",
        how="Set the address people type, such as https://sameroom.example.org.",
    )
).rstrip("/")
_public = urlsplit(PUBLIC_URL)
if _public.scheme not in ("http", "https") or not _public.hostname:
    raise ImproperlyConfigured(
        f"PUBLIC_URL is {PUBLIC_URL!r}; it has to start with https:// (or http://) and a host."
    )
if LOCAL and _public.hostname not in ("127.0.0.1", "localhost", "::1"):
    raise ImproperlyConfigured(
        f"PUBLIC_URL is {PUBLIC_URL}, which others can reach, but this is a local try-out with "
        "keys made on the spot. Set SECRET_KEY and ENCRYPTION_KEYS (see .env.example), "
        "or take PUBLIC_URL out."
    )
SECURE = _public.scheme == "https"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[_public.hostname, "127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
WEB_THREADS = env.int("WEB_THREADS", default=16, least=1)  # per process
WEB_PROCESSES = env.int("WEB_PROCESSES", default=2, least=1)  # where the web is not part of the one process

# ----------------------------------------------------------------- applications
CONNECTOR_APPS = env.applications("CONNECTORS", default=["hipchat", "matrix", "irc", "slack"])
INSTALLED_APPS = [
    "allauth.mfa",  # before accounts, whose page of it replaces this one
    "accounts",
    "tubes",
    "connectors",
    *CONNECTOR_APPS,
    "guides",
    "sandbox",
    "standalone",
    "monitor",
    "operating",
    "allauth",
    "allauth.account",
    "django_htmx",
    "csp",
    "accounts.apps.OperatorsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.middleware.HeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.OddAddressMiddleware",
    "accounts.middleware.TooManyTriesMiddleware",
]
ROOT_URLCONF = "sameroom.urls"
WSGI_APPLICATION = "sameroom.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.site",
                "tubes.context.relay",
            ],
        },
    }
]

# ----------------------------------------------------------------- stores
VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
# Empty is unset: a line of .env.example that was left as it is.
DATABASE_URL = env.address("DATABASE_URL", schemes=STORES) or f"sqlite:///{VAR_DIR / 'sameroom.sqlite3'}"
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that writes takes its lock at once: no deadlock by upgrade, and intake
        # is alone on an origin room without SELECT FOR UPDATE, which SQLite lacks.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: with WAL, NORMAL may lose the last commits on a power cut, and we promised not to.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
    DATABASES["default"]["CONN_MAX_AGE"] = None  # a file does not go away: each thread opens it once
    CELERY_DB_REUSE_MAX = 1_000_000_000  # and keeps it when a task ends
else:
    # `close()` puts a connection back into the process's pool, at the end of each request and task.
    DATABASES["default"]["ENGINE"] = "sameroom.pooled_postgres"
    DATABASE_POOL_SIZE = env.int("DATABASE_POOL_SIZE", default=24, least=1)
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    # A network path that dies without a word must not hold a connection for as long as TCP would.
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        connect_timeout=5,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=20_000,
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.address("REDIS_URL", schemes=("redis", "rediss", "unix"))
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # Budgets may vanish; a Redis that hangs must not hold up what they are for.
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
}

# ----------------------------------------------------------------- Celery
CELERY_BROKER_URL = env.address("CELERY_BROKER_URL", schemes=BROKERS) or REDIS_URL or "memory://localhost"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # worker and beat outlive any outage of the broker
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = WORKER_THREADS = env.int("WORKER_THREADS", default=16, least=1)
# Lanes each have a thread while they work; a destination that hangs holds at most a quarter of them.
LANE_THREADS = env.int("LANE_THREADS", default=256, least=1)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # keeps no file: every entry is a short, idempotent interval
CELERY_BEAT_SCHEDULE = {
    "wake-rooms": {"task": "tubes.tasks.wake_rooms", "schedule": 2.5, "options": {"expires": 5}},
    "sweep": {"task": "tubes.tasks.sweep", "schedule": 5.0, "options": {"expires": 30}},
    "check-seats": {"task": "tubes.tasks.check_stale_seats", "schedule": 60.0, "options": {"expires": 60}},
    "purge": {"task": "tubes.tasks.purge", "schedule": 600.0, "options": {"expires": 600}},
    "mark-alive": {"task": "tubes.tasks.mark_alive", "schedule": 30.0, "options": {"expires": 30}},
    "watch": {"task": "operating.tasks.watch", "schedule": 60.0, "options": {"expires": 60}},
    "rotate-logins": {"task": "accounts.tasks.rotate_logins", "schedule": 60.0, "options": {"expires": 60}},
    "refresh-listings": {
        "task": "accounts.tasks.refresh_stale_accounts",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
}
if CELERY_BROKER_URL.startswith("memory"):
    CELERY_BROKER_TRANSPORT = "standalone.broker:Transport"  # kombu's own polls
else:
    CELERY_BEAT_ENABLE_REMOTE_CONTROL = True  # beat answers the container's health check
    # Whoever rings goes on where the broker does not answer (kombu tries for 6 s, or waits without end
    # for a Redis that hangs): the sweep rings again.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"max_retries": 0}
    if CELERY_BROKER_URL.startswith("redis"):
        CELERY_BROKER_TRANSPORT = "sameroom.redis_broker:Transport"
        CELERY_BROKER_TRANSPORT_OPTIONS |= {"socket_timeout": 2, "socket_connect_timeout": 2}
        if CELERY_BROKER_URL.startswith("rediss"):
            CELERY_BROKER_USE_SSL = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    if CELERY_BROKER_URL.startswith("amqp"):
        # No limit: a worker holds what is to run later, and RabbitMQ 4 no longer lets it raise its limit for
        # those, so that WORKER_THREADS alarms ahead would hold up everything behind them.
        CELERY_WORKER_PREFETCH_MULTIPLIER = 0

# ----------------------------------------------------------------- people
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SIGNUP = one_of("SIGNUP", choices=("open", "invite", "closed"), default="open")
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "accounts:account-list"
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION = one_of(
    "EMAIL_VERIFICATION",
    choices=("mandatory", "optional", "none"),
    default="optional" if LOCAL or DEBUG else "mandatory",
)
# By person they are limited by accounts.limits: allauth's limits would let a guesser shut a person out.
ACCOUNT_RATE_LIMITS = {"request_login_code": "20/m/ip", "reset_password": "20/m/ip"}
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_EMAIL_NOTIFICATIONS = True  # of a new password, address or second step: it may not have been they
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_FORMS = {
    "signup": "accounts.forms.SignupForm",
    "login": "accounts.forms.LoginForm",
    "request_login_code": "accounts.forms.RequestLoginCodeForm",
    "confirm_login_code": "accounts.forms.ConfirmLoginCodeForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.ResetPasswordKeyForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "set_password": "accounts.forms.SetPasswordForm",
    "add_email": "accounts.forms.AddEmailForm",
}
# A second step of signing in: an app's code. For everybody who wants it; for the administration always.
ADMIN_SECOND_STEP = env.flag("ADMIN_SECOND_STEP", default=not (LOCAL or DEBUG))
MFA_ADAPTER = "accounts.second_factor.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "accounts.forms_second_factor.AuthenticateForm",
    "reauthenticate": "accounts.forms_second_factor.ReauthenticateForm",
    "activate_totp": "accounts.forms_second_factor.ActivateTOTPForm",
}
MFA_TOTP_TOLERANCE = 1  # clocks of telephones, and people who type slowly
# A new address may wait to be confirmed: with a mandatory confirmation nobody is signed in without one.
MFA_ALLOW_UNVERIFIED_EMAIL = True
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT

# ----------------------------------------------------------------- mail
vars().update(env.mail("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=f"Sameroom <noreply@{_public.hostname}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 15
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""

# ----------------------------------------------------------------- pages
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
if LOCAL or DEBUG:
    STATIC_ROOT.mkdir(exist_ok=True)  # stays empty; WhiteNoise warns where it is missing
WHITENOISE_USE_FINDERS = LOCAL or DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
if not (LOCAL or DEBUG):
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True  # no script of ours reads them
if SECURE:
    # Browsers take a cookie of such a name from this very host alone: no neighbour can plant a session.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SECURE_SSL_REDIRECT = SECURE and env.flag("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if SECURE else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.flag("SECURE_HSTS_SUBDOMAINS", default=SECURE)
# Probes and Prometheus come from beside us, by plain http.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# ----------------------------------------------------------------- the relay and its connectors
# Addresses besides public ones that a connector may call: networks, comma separated.
ALLOWED_PRIVATE_NETWORKS = env.networks(
    "ALLOWED_PRIVATE_NETWORKS", default=["127.0.0.0/8", "::1/128"] if LOCAL or DEBUG else []
)
SANDBOX = env.flag("SANDBOX", default=LOCAL or DEBUG)
SANDBOX_DATABASE = env.str("SANDBOX_DATABASE", default=str(VAR_DIR / "sandbox.sqlite3"))
SANDBOX_REQUEST_LIMIT = env.int("SANDBOX_REQUEST_LIMIT", default=100_000)  # per token and 5 minutes
SANDBOX_FLOOD_LIMIT = env.int("SANDBOX_FLOOD_LIMIT", default=6_000)  # sends per token, room and minute
HIPCHAT_DEFAULT_SERVER = env.str("HIPCHAT_DEFAULT_SERVER", default=f"{PUBLIC_URL}/sandbox" if SANDBOX else "")
# Other names of a server, so that one room is one room: https://chat=https://hipchat.example.com,…
HIPCHAT_SERVER_ALIASES = env.pairs("HIPCHAT_SERVER_ALIASES")
# Slack's Web API: that of GovSlack is https://slack-gov.com/api.
SLACK_API_URL = env.str("SLACK_API_URL", default="https://slack.com/api").rstrip("/")
# The operator's own Slack app: with all three, people link by "Add to Slack".
SLACK_CLIENT_ID = env.str("SLACK_CLIENT_ID", default="")
SLACK_CLIENT_SECRET = env.str("SLACK_CLIENT_SECRET", default="")
SLACK_SIGNING_SECRET = env.str("SLACK_SIGNING_SECRET", default="")
CATCH_UP_HOURS = env.int("CATCH_UP_HOURS", default=24)
BODY_HOURS = env.int("BODY_HOURS", default=24)  # after its last delivery ended a text is erased
FILE_QUOTA_MB = env.int("FILE_QUOTA_MB", default=1000)  # kept on disk for a user, of files behind links
ID_DAYS = env.int("ID_DAYS", default=30)  # so long ids are kept, for edits, replies and dedupe
DAILY_MESSAGES = env.int("DAILY_MESSAGES", default=0)  # per user and day; 0: no limit

# ----------------------------------------------------------------- watching
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")  # without it /metrics is there in a try-out only
READY_LAG_SECONDS = env.int("READY_LAG_SECONDS", default=60)
LOG_LEVEL = one_of("LOG_LEVEL", choices=("DEBUG", "INFO", "WARNING", "ERROR"), default="INFO")
LOG_FORMAT = one_of("LOG_FORMAT", choices=("line", "json"), default="line" if LOCAL or DEBUG else "json")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "monitor.logs.ContextFilter"}},
    "formatters": {
        "line": {"()": "monitor.logs.LineFormatter"},
        "json": {"()": "monitor.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["context"]}
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # urllib3 logs addresses at DEBUG, and a HipChat token is part of one.
        "urllib3": {"level": "WARNING"},
        # What a stranger types at the address bar is no event of ours.
        "django.request": {"level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        # fast-sugiyama tells of each step of each drawing.
        "rust-sugiyama": {"level": "WARNING"},
        "connected_components": {"level": "WARNING"},
    },
}
