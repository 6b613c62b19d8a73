"""One running laboratory for all rows of a mode; a row that leaves it broken gets a new one for the next."""

import os
from pathlib import Path

import pytest

from laboratory import recipe, rootfs
from tests.cluster.keeper import Keeper
from tests.support.runner.worker import KEEPER

RECIPES = ("fail", "freezable", "polling", "score")
# On the other suite make check runs the first of these, and make matrix the others. BOTH_SUITES=yes: every row.
OTHER_SUITE = {suite for suite in rootfs.SUITES if suite != rootfs.SUITE}
ON_BOTH_SUITES = {"fail", "polling", "score"}
CHECK_ON_OTHER_SUITE = ("-score-kill-9]", "-score-desync]", "test_setup_finds_the_recipe_complete")
MATRIX_ON_OTHER_SUITE = (
    *(f"-score-{fault}]" for fault in ("clean-stop", "sigstop", "saturate", "read-only", "power-off")),
    "-polling-kill-9]",
    *(f"[{suite}-read-only]" for suite in OTHER_SUITE),
    *(f"crash_of_another_node_moves_nothing[{suite}-score]" for suite in OTHER_SUITE),
    "reset-fails]",
    "the_page_leads_to_an_address_that_moves",
    "the_address_does_what_rehearse_said",
    "test_operator_findings.py",
    *("-ignored-quorum]", "-saturation-grace]", "-login]", "what_is_left_of_galera", "test_ocf_tester_passes"),
)


def pytest_generate_tests(metafunc):
    """Let a test that takes a laboratory of the keeper's run on both suites: another Pacemaker, MariaDB and Python."""
    if ON_BOTH_SUITES & set(metafunc.fixturenames) or "recipe" in metafunc.fixturenames:
        metafunc.fixturenames.append("suite")
        metafunc.parametrize("suite", [rootfs.SUITE, *OTHER_SUITE], indirect=True)


def pytest_collection_modifyitems(items):
    """Let a module's tests of one recipe run one after the other: another recipe takes ten seconds."""
    modules = {item.path: position for position, item in enumerate(items)}
    items.sort(key=lambda item: (modules[item.path], suite_of(item), recipe_of(item)))
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.laboratory(*laboratory_of(item)))
            if suite_of(item) in OTHER_SUITE and not any(name in item.nodeid for name in CHECK_ON_OTHER_SUITE):
                item.add_marker(pytest.mark.matrix)
    if "BOTH_SUITES" not in os.environ:
        wanted = (*CHECK_ON_OTHER_SUITE, *MATRIX_ON_OTHER_SUITE)
        items[:] = [
            item for item in items if suite_of(item) not in OTHER_SUITE or any(name in item.nodeid for name in wanted)
        ]


def recipe_of(item):
    """Return the name of the recipe that a test of this tier parametrizes or takes as a fixture, empty without one."""
    if item.path.parent != Path(__file__).parent:
        return ""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return next((name for name in (parameters.get("recipe"), *item.fixturenames) if name in RECIPES), "")


def suite_of(item):
    """Return the suite of a test's laboratory."""
    return item.callspec.params.get("suite", rootfs.SUITE) if hasattr(item, "callspec") else rootfs.SUITE


def laboratory_of(item):
    """Return for the runner what a process can run one after the other, and what of it without another recipe."""
    module = item.path.stem
    if recipe_of(item) or ("keeper" in item.fixturenames and "old_deb" not in item.fixturenames):
        return KEEPER, f"{suite_of(item)}-{recipe_of(item) or module}"
    return module, module


@pytest.fixture(scope="session")
def keeper(deb):
    """Keep one laboratory up for all tests of this tier."""
    keeper = Keeper(deb)
    yield keeper
    keeper.down()


@pytest.fixture
def suite(request):
    """The Debian suite of the laboratory's machines."""
    return request.param


@pytest.fixture
def score(keeper, suite):
    """A laboratory with the documented recipe for mode=score."""
    return keeper.with_recipe(recipe.commands("score"), suite)


@pytest.fixture
def polling(keeper, suite):
    """A laboratory with the documented recipe for mode=score, and no watchers."""
    return keeper.with_recipe(recipe.polling(recipe.commands("score")), suite)


@pytest.fixture
def freezable(keeper):
    """A laboratory with the documented recipe for mode=score, and guards that look at the storage too."""
    return keeper.with_recipe(recipe.with_parameters(recipe.commands("score"), *recipe.STORAGE), freezable=True)


@pytest.fixture
def fail(keeper, suite):
    """A laboratory with the documented recipe for mode=fail, in which a node comes back sooner after a failure."""
    return keeper.with_recipe(recipe.forgetting(recipe.commands("fail")), suite)
