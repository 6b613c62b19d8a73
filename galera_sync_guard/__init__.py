"""Guards one MariaDB Galera node for Pacemaker: is this node one where an application can work right now?"""

__version__ = "0.1.0"
