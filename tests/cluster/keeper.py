"""Keeps one laboratory up for the tests of a tier, and replaces it when a test has left it broken."""

from laboratory import pacemaker, recipe, rootfs
from laboratory.laboratory import Laboratory
from laboratory.machine import wait_until
from laboratory.scene import abnormal, wait_normal


class Keeper:
    """Keeps a laboratory with one recipe up."""

    def __init__(self, deb):
        self._deb = deb
        self._laboratory = None
        self._lines = None
        self._shape = None

    def with_recipe(self, lines, suite=rootfs.SUITE, **options):
        """Return a laboratory of a suite in its normal state with these pcs commands carried out.

        `options`: those of Laboratory.up that say what the laboratory is made of.
        """
        shape = (suite, options)
        laboratory = self._laboratory
        if laboratory and (self._lines is None or self._shape != shape or not _is_usable(laboratory)):
            self.down()
        if self._laboratory is None:
            self._laboratory, self._shape = Laboratory(suite=suite), shape
            totem, provider_options = recipe.timers()
            self._laboratory.up(
                deb=self._deb,
                mariadb_options=recipe.OPTIONS,
                totem=totem,
                provider_options=provider_options,
                **options,
            )
        if self._lines != lines:
            self._lines = None
            first = self._laboratory.nodes[0]
            recipe.change(first, lines)
            wait_until(lambda: pacemaker.status(first).where(recipe.RESET_NAME), 60, "the last resource is started")
            wait_normal(self._laboratory)
            self._lines = lines
        return self._laboratory

    def down(self):
        """Take the laboratory down."""
        if self._laboratory:
            self._laboratory.down()
        self._laboratory = self._lines = None


def _is_usable(laboratory):
    """Return whether all is as on a quiet day, once Pacemaker has done what the test before has left it to do."""
    if abnormal(laboratory):
        return False
    pacemaker.wait_idle(laboratory.nodes[0])
    return not abnormal(laboratory)
