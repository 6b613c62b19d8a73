"""Keeps one laboratory up for the tests of a tier, and replaces it when a test has left it broken."""

from laboratory import recipe, rootfs
from laboratory.laboratory import Laboratory
from laboratory.scene import abnormal, wait_normal


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
