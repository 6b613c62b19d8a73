"""One running laboratory for all rows of a mode; a row that leaves it broken gets a new one for the next."""

from pathlib import Path

import pytest

from laboratory import recipe, rootfs
from laboratory.laboratory import Laboratory
from laboratory.scene import abnormal, wait_normal

RECIPES = ("fail", "freezable", "polling", "score")


def pytest_collection_modifyitems(items):
    """Let a module's tests of one recipe run one after the other: another recipe takes ten seconds."""
    modules = {item.path: position for position, item in enumerate(items)}
    items.sort(key=lambda item: (modules[item.path], recipe_of(item)))


def recipe_of(item):
    """Return the name of the recipe that a test of this tier parametrizes or takes as a fixture, empty without one."""
    if item.path.parent != Path(__file__).parent:
        return ""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return next((name for name in (parameters.get("recipe"), *item.fixturenames) if name in RECIPES), "")


class Keeper:
    """Keeps a laboratory with one recipe up."""

    def __init__(self, deb):
        self._deb = deb
        self._laboratory = None
        self._lines = None
        self._freezable = False

    def with_recipe(self, lines, suite=rootfs.SUITE, freezable=False):
        """Return a laboratory of a suite in its normal state with these pcs commands carried out.

        `freezable`: whether the storage of its nodes can hang.
        """
        laboratory = self._laboratory
        if laboratory and (
            self._lines is None or laboratory.suite != suite or self._freezable != freezable or abnormal(laboratory)
        ):
            self.down()
        if self._laboratory is None:
            self._laboratory, self._freezable = Laboratory(suite=suite), freezable
            totem, provider_options = recipe.timers()
            self._laboratory.up(
                deb=self._deb,
                freezable=freezable,
                mariadb_options=recipe.OPTIONS,
                totem=totem,
                provider_options=provider_options,
            )
        first = self._laboratory.nodes[0]
        if self._lines not in (None, lines):
            recipe.remove(first)
            self._lines = None
        if self._lines is None:
            recipe.apply(first, lines)
            self._lines = lines
            wait_normal(self._laboratory)
        return self._laboratory

    def down(self):
        """Take the laboratory down."""
        if self._laboratory:
            self._laboratory.down()
        self._laboratory = self._lines = None


@pytest.fixture(scope="session")
def keeper(deb):
    """Keep one laboratory up for all tests of this tier."""
    keeper = Keeper(deb)
    yield keeper
    keeper.down()


@pytest.fixture
def suite():
    """The Debian suite of the laboratory's machines."""
    return rootfs.SUITE


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
