"""With which login the guard connects: user, password, TLS files and the operating system user."""

from __future__ import annotations

import os

from ocfpy import codes
from ocfpy.codes import Failure
from ocfpy.deadline import uninterrupted
from ocfpy.parameters import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from galera_sync_guard.parameters import GuardParameters


class Login:
    """User, password and the files of TLS, which is used if there is an `ssl_ca`."""

    def __init__(self, user: str, password: Secret, parameters: GuardParameters) -> None:
        self.user = user
        self.password = password
        self.ssl_ca = parameters.ssl_ca
        self.ssl_cert = parameters.ssl_cert
        self.ssl_key = parameters.ssl_key


def read_login(parameters: GuardParameters) -> Login:
    """Return the Login; raise Failure for an option file or a TLS file that is missing or not safe."""
    _check_tls_files(parameters)
    user = parameters.user if "user" in parameters.given else None
    password = ""
    if parameters.defaults_file:
        from galera_sync_guard.server.option_file import read_client_section

        section = read_client_section(parameters.defaults_file)
        user = user or section.get("user", b"").decode("utf-8", "replace")
        password = section.get("password", b"").decode("latin1")  # the driver sends it back as latin1
    return Login(user or parameters.os_user or parameters.user, Secret(password), parameters)


def _check_tls_files(parameters: GuardParameters) -> None:
    for name in ("ssl_ca", "ssl_cert", "ssl_key"):
        path = getattr(parameters, name)
        try:
            if path:
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            raise Failure(codes.OCF_ERR_ARGS, f"{name} {path}: {error.strerror}") from None


class Identity:
    """A context that changes nothing: the process connects as the user that it is."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exception: object) -> None:
        return None


class OtherIdentity(Identity):
    """A context in which this process has the effective rights of another operating system user, and no others."""

    def __init__(self, uid: int, gid: int) -> None:
        self._uid = uid
        self._gid = gid
        self._groups: list[int] = []

    @uninterrupted
    def __enter__(self) -> None:
        self._groups = os.getgroups()
        os.setgroups([self._gid])
        os.setegid(self._gid)
        os.seteuid(self._uid)

    @uninterrupted
    def __exit__(self, *exception: object) -> None:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(self._groups)


def find_identity(parameters: GuardParameters) -> Identity:
    """Return the context in which the guard connects; raise Failure if there is no such user on this node."""
    if not parameters.os_user:
        return Identity()
    import pwd

    try:
        entry = pwd.getpwnam(parameters.os_user)
    except KeyError:
        raise Failure(codes.OCF_ERR_ARGS, f"os_user {parameters.os_user}: there is no such user on this node") from None
    return OtherIdentity(entry.pw_uid, entry.pw_gid)
