"""Guards one MariaDB Galera node for Pacemaker: is this node one where an application can work right now?"""

from ocfpy import __version__

__all__ = ["__version__"]
