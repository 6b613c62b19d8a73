"""Loads PyMySQL without the modules that a probe pays for and never uses."""

from __future__ import annotations

import sys
from types import ModuleType

from ocfpy import codes
from ocfpy.codes import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from galera_sync_guard.server.client import Client

# `cryptography` costs more than all the rest together and serves no login of MariaDB. `_hashlib` and `ssl` load OpenSSL.
UNUSED = ("cryptography", "getpass")
UNUSED_WITHOUT_TLS = ("ssl", "_hashlib")
LOADED_WHEN_USED = ("traceback", "socket")


def load_client(with_tls: bool) -> type[Client]:
    """Return the class of a login to the server; raise Failure with code 5 if PyMySQL is missing.

    A None in sys.modules makes an import fail, and PyMySQL and hashlib do without the module (Python reference, "The
    import system"). PyMySQL uses `traceback` only for errors that it does not expect, and `socket`
    only to open a connection, which is done here.
    """
    for name in UNUSED if with_tls else UNUSED + UNUSED_WITHOUT_TLS:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    for name in LOADED_WHEN_USED:
        sys.modules.setdefault(name, _LoadedWhenUsed(name))
    is_loaded = False
    try:
        from galera_sync_guard.server.client import Client

        is_loaded = True
    except ImportError as error:
        raise Failure(
            codes.OCF_ERR_INSTALLED, f"the driver PyMySQL is missing, install python3-pymysql ({error})"
        ) from None
    finally:
        if not is_loaded:
            _forget_driver()
    return Client


def _forget_driver() -> None:
    """Forget what a time limit has left half loaded: a watcher loads all of it again."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "pymysql"]:
        del sys.modules[name]


class _LoadedWhenUsed(ModuleType):
    """Stands in sys.modules for a module that is loaded by the first use of one of its names."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(__import__(self.__name__), name)
