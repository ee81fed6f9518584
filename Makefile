# Two commands do everything: `make demo` and `make test`. Neither asks a question.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
V := .venv/bin
LAB := $(V)/python -m tests.lab
PYTEST := $(V)/python -m pytest

.PHONY: help
help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

.venv/installed: pyproject.toml tests/lab/venv.sh
	@sh tests/lab/venv.sh $(PYTHON)

.PHONY: demo demo-down
demo: .venv/installed  ## the whole job on a NAS in a box
	@$(LAB).demo up

demo-down: .venv/installed  ## destroy and remove everything of the demo
	@$(LAB).demo down

.PHONY: lab-up lab-down lab-shell lab-reboot
lab-up: .venv/installed  ## boot the NAS in a box, without the program
	@$(LAB) up

lab-down: .venv/installed  ## remove it
	@$(LAB) down

lab-shell: .venv/installed  ## a shell on its NAS
	@$(LAB) shell

lab-reboot: .venv/installed  ## reboot its NAS, which loses its RAM disk
	@$(LAB) reboot

.PHONY: docs reliability
docs: .venv/installed  ## write the generated pages anew
	$(V)/python -m tests.settings_page
	$(V)/python -m tests.troubleshooting_page
	$(V)/python -m tests.bench --page

.PHONY: bench
bench: .venv/installed  ## measure against a script and a playbook, and write the page about it anew
	@$(V)/python -m tests.bench $(BENCH)

.PHONY: doctor-table
doctor-table: .venv/installed  ## break the NAS in a box in each way, and write down what doctor says
	NAS_K3S_WRITE_DOCTOR_ROWS=1 $(PYTEST) tests/e2e/test_doctor.py
	$(V)/python -m tests.troubleshooting_page

.PHONY: doctor
doctor: .venv/installed  ## what is wrong on the NAS of a stack: make doctor STACK=home
	@test -n "$(STACK)" || { echo 'which stack? make doctor STACK=home' >&2; exit 2; }
	@$(V)/python -m nas doctor --stack $(STACK)

.PHONY: effects
effects: .venv/installed  ## write the page of edits and their effects anew, from a run on the lab
	NAS_K3S_WRITE_EFFECTS=1 $(PYTEST) tests/e2e/test_effects.py

reliability: .venv/installed  ## do every fault, and write the page about them anew
	$(V)/python -m tests.reliability

TIERS := lint unit scripts program contract e2e
.PHONY: test $(TIERS)
test: .venv/installed  ## everything, cheap tests first, and a summary
	+@MAKE="$(MAKE)" $(V)/python -m tests.summary $(TIERS)

lint: .venv/installed  ## ruff, mypy, shellcheck
	$(V)/ruff check .
	$(V)/ruff format --check .
	$(V)/mypy
	$(V)/shellcheck tests/lab/venv.sh nas/completion/bash.sh $$(find tests -name '*.sh' -not -path '*/go/*')

unit: .venv/installed  ## the domain: settings, plan, proxy rules
	$(PYTEST) -n 2 tests/unit

.PHONY: fuzz
fuzz: .venv/installed  ## many new examples for the tests that take any
	$(PYTEST) -n 2 -m hypothesis --hypothesis-profile=search tests/unit tests/scripts

# They wait half of the time, so twice as many as there are cores; a few take much longer than all
# others, which must not wait behind one of them.
scripts: .venv/installed  ## the NAS scripts under BusyBox ash
	$(PYTEST) -n 4 --dist worksteal tests/scripts

program: .venv/installed  ## the components with mocks
	$(PYTEST) tests/program

contract: .venv/installed  ## what we rely on in the providers, with the real engine
	$(PYTEST) tests/contract

e2e: .venv/installed  ## the real engine against the NAS in a box
	$(PYTEST) tests/e2e/test_lab.py
	$(PYTEST) -n 3 --dist loadfile --ignore tests/e2e/test_lab.py tests/e2e
