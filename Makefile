# Everything that people and CI run; each target does its own set-up on a fresh Debian machine, as root.

# Debian's own tools and interpreter, whatever version manager stands first in the caller's PATH.
export PATH := /usr/sbin:/usr/bin:/sbin:/bin
PYTHON := /usr/bin/python3
PYTEST := $(PYTHON) -B -m pytest

# What the host needs to build the package and to run a laboratory, and what the tests need besides; MariaDB, Galera,
# Pacemaker and Corosync stay inside the laboratory.
TOOLS := git debhelper dh-python dpkg-dev pybuild-plugin-pyproject python3-all python3-argparse-manpage \
	python3-setuptools python3-wheel mmdebstrap iproute2 mount e2fsprogs
TEST_TOOLS := python3-pytest python3-pymysql pacemaker-cli-utils libxml2-utils lintian nftables strace procps

# What make lint and make quick use, without root and without Debian packages beside git, make and python3.
OWN := build/tools/bin
GIT := git -c safe.directory='*'

.PHONY: drivers help lint ruff-check ruff-format mypy codespell shellcheck quick check unit contract rehearsal wire mariadb package cluster matrix report soak shapes network mutants conversations bench demo deb autopkgtest docs root tools plotting \
	venv setup clean

help:  ## show this help
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

demo: root tools  ## a real three-node cluster whose VIP leaves a broken node before your eyes
	$(PYTHON) -B -m measurements.demo

lint: ruff-check ruff-format mypy codespell shellcheck  ## style, types, spelling and shell; no root

ruff-check: build/tools/ready
	$(OWN)/ruff check --cache-dir build/ruff --quiet

ruff-format: build/tools/ready
	$(OWN)/ruff format --cache-dir build/ruff --quiet --check --diff

mypy: build/tools/ready
	$(OWN)/mypy --no-error-summary

codespell: build/tools/ready
	$(GIT) ls-files | grep -v '[.]svg$$' | xargs $(OWN)/codespell

shellcheck: build/tools/ready
	$(GIT) grep -lE '^#!/bin/(ba)?sh' | xargs $(OWN)/shellcheck

quick: lint  ## lint and the tests that need neither root nor Debian packages, in two minutes
	$(OWN)/python -B -m pytest --quiet --numprocesses=auto tests/repository tests/unit

build/tools/ready: tools/requirements.txt tools/install-tools
	tools/install-tools build/tools
	touch $@

check: root setup lint  ## lint and every tier, side by side: each capability at least once on real nodes
	$(PYTHON) -B -m tests.support.runner check

drivers: setup venv  ## the wire tier with PyMySQL 1.0.2, 1.1.1 and the newest
	[ -x build/drivers/venv/bin/pip ] || $(PYTHON) -m venv --clear build/drivers/venv
	for version in ==1.0.2 ==1.1.1 ''; do \
		build/drivers/venv/bin/pip install --quiet --no-deps --upgrade --target "build/drivers/$${version:-newest}" "PyMySQL$$version" && \
		DRIVER="build/drivers/$${version:-newest}" $(PYTEST) tests/wire || exit; \
	done

unit contract rehearsal wire mariadb package cluster: setup  ## the tests of one tier
	$(PYTEST) tests/$@

matrix: root setup  ## all other tests: every row, the other suite, the soak; BOTH_SUITES=yes; ROW=NAME: all rows with NAME in their name
	$(PYTHON) -B -m tests.support.runner $(if $(ROW),tests/cluster -k $(ROW),matrix)

report: RUNS := 5
report: root tools plotting deb  ## docs/dev/matrix.md, docs/elsewhere.svg and build/matrix.html anew, in an hour; goes on with what build/measures/ has; RUNS=5
	$(PYTHON) -B -m measurements.faults build/galera-sync-guard_*.deb --runs $(RUNS)

soak: MINUTES := 30
soak: root tools deb  ## MINUTES=30 of random faults on three real nodes; SEED=N: those of an earlier run
	$(PYTHON) -B -m measurements.soak build/galera-sync-guard_*.deb --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

shapes: root tools deb  ## docs/dev/shapes.md anew: faults on clusters of other shapes, in a quarter of an hour
	$(PYTHON) -B -m measurements.shapes build/galera-sync-guard_*.deb

network: RUNS := 5
network: root tools deb  ## docs/dev/network.md anew: what moves the address off a node that clients cannot reach; RUNS=5
	$(PYTHON) -B -m measurements.network build/galera-sync-guard_*.deb --runs $(RUNS)

mutants: setup venv  ## docs/dev/mutants.md anew: which changes of what decides no unit test notices; MODULE=judge: of one module
	[ -x build/mutants/venv/bin/mutmut ] || { $(PYTHON) -m venv --clear build/mutants/venv && \
		build/mutants/venv/bin/pip install --quiet mutmut==2.5.1; }
	$(PYTHON) -B -m measurements.mutants build/mutants/venv/bin/mutmut build/mutants $(MODULE)

bench: SUITES := $(or $(SUITE),bookworm trixie)
conversations: setup  ## 10,000 generated conversations with a probe, in ten minutes: longest time, memory, verdicts
	CONVERSATIONS=10000 $(PYTEST) -s tests/wire/test_conversations.py

bench: root tools plotting deb  ## what a monitor costs, against its peers, on one real node of each suite: docs/dev/cost.md; SUITE=trixie: on that alone
	for suite in $(SUITES); do SUITE=$$suite $(PYTHON) -B -m measurements.cost build/galera-sync-guard_*.deb || exit; done
	$(PYTHON) -B -m measurements.cost.report

deb: tools  ## the Debian package, in build/
	tools/build-deb

autopkgtest: root setup  ## the package's own tests, as Debian runs them; SUITE=trixie: on Debian 13
	$(PYTEST) tests/package/test_autopkgtest.py

docs:  ## regenerate what docs/ takes from the code
	tools/docs

root:
	@[ "$$(id -u)" = 0 ] || { echo "this needs root: it makes namespaces and mounts" >&2; exit 1; }

tools: PACKAGES := $(TOOLS)
setup: PACKAGES := $(TOOLS) $(TEST_TOOLS)
plotting: PACKAGES := python3-matplotlib
venv: PACKAGES := python3-venv
tools plotting venv setup:
	@missing=$$(for package in $(PACKAGES); do \
		dpkg-query --show --showformat='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; \
	done); \
	[ -z "$$missing" ] || { \
		echo "installing what is missing:" $$missing; \
		apt-get update --quiet; \
		DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends $$missing; }

.PHONY: corpus random timing
corpus: root setup  ## tests/support/corpus.json anew: what Pacemaker and the command do with each configuration, on both suites; goes on with build/corpus-*.jsonl
	$(PYTHON) -B -m measurements.rehearsals corpus

timing: setup  ## how long rehearse and check take, now and before the rehearsal; on a quiet machine, a minute
	$(PYTHON) -B -m measurements.rehearsals timing

random: COUNT := 1000
random: SEED := 1
random: setup  ## check against the rehearsal on COUNT=1000 random configurations from SEED=1 on; goes on with build/random.jsonl
	$(PYTHON) -B -m measurements.rehearsals random --count $(COUNT) --seed $(SEED)

clean:  ## remove what was built
	rm -rf build dist *.egg-info
