# One image for web, worker, listener and beat: docker-compose.yml says which command each runs.
FROM python:3.13-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements.txt constraints.txt ./
RUN /venv/bin/pip install -r requirements.txt

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /app --no-create-home sameroom
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VAR_DIR=/app/var
WORKDIR /app
COPY . .
# The static files need settings but no secret: throw-away keys, kept in no layer.
RUN PUBLIC_URL=https://build.invalid \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
    ENCRYPTION_KEYS="$(python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')" \
    python manage.py collectstatic --no-input --verbosity 0
# Readable also where they were checked out under a strict umask; only var can be written to.
RUN chmod -R a+rX . && install -d -o sameroom -g sameroom -m 700 var
USER sameroom
VOLUME /app/var
EXPOSE 8000
CMD ["gunicorn", "-c", "python:standalone.gunicorn_conf", "--bind", "0.0.0.0:8000"]
