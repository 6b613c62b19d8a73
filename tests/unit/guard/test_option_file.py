"""The guard reads an option file as MariaDB's own programs do."""

import pytest

from galera_sync_guard.server.option_file import read_client_section
from ocfpy.codes import Failure
from tests.support.option_files import CLIENT_SECTIONS


@pytest.fixture
def option_file(tmp_path):
    """Return a function that writes a file that only its owner can read, and returns its path."""

    def write(text, name="login.cnf"):
        path = tmp_path / name
        path.write_bytes(text)
        path.chmod(0o600)
        return str(path)

    return write


@pytest.mark.parametrize(("text", "options"), CLIENT_SECTIONS)
def test_is_read_as_by_mariadb(option_file, text, options):
    path = option_file(b"[client]\n" + text + b"\n")
    if options is None:
        with pytest.raises(Failure, match="is not an option file"):
            read_client_section(path)
    else:
        assert read_client_section(path) == options


class TestIncludes:
    def test_a_file_counts_where_it_is_included(self, option_file):
        inner = option_file(b"[client]\nuser=inner\npassword=inner\n", "inner.cnf")
        path = option_file(f"[client]\nuser=outer\n!include {inner}\npassword=outer\n".encode())
        assert read_client_section(path) == {"user": b"inner", "password": b"outer"}

    def test_a_directory_counts_file_by_file_in_the_order_of_names(self, option_file, tmp_path):
        (tmp_path / "d").mkdir()
        option_file(b"[client]\nuser=b\n", "d/b.cnf")
        option_file(b"[client]\nuser=a\npassword=a\n", "d/a.cnf")
        option_file(b"[client]\nuser=c\n", "d/c.txt")
        path = option_file(f"!includedir {tmp_path / 'd'}\n".encode())
        assert read_client_section(path) == {"user": b"b", "password": b"a"}

    def test_what_is_missing_is_ignored(self, option_file):
        path = option_file(b"!include /nonexistent\n!includedir /nonexistent\n[client]\nuser=a\n")
        assert read_client_section(path) == {"user": b"a"}

    def test_a_file_that_includes_itself_ends(self, option_file, tmp_path):
        path = option_file(f"!include {tmp_path / 'login.cnf'}\n[client]\nuser=a\n".encode())
        assert read_client_section(path) == {"user": b"a"}

    def test_an_included_file_that_others_can_read_is_refused(self, option_file, tmp_path):
        inner = option_file(b"[client]\npassword=x\n", "inner.cnf")
        (tmp_path / "inner.cnf").chmod(0o644)
        with pytest.raises(Failure, match=r"inner\.cnf must belong to root"):
            read_client_section(option_file(f"!include {inner}\n".encode()))


def test_a_file_without_a_section_client_is_refused(option_file):
    with pytest.raises(Failure, match=r"has no section \[client\]"):
        read_client_section(option_file(b"[mariadb]\nuser=a\n"))


def test_a_file_of_megabytes_is_refused(option_file):
    with pytest.raises(Failure, match="is not an option file"):
        read_client_section(option_file(b"[client]\n" + b"#" * 1_000_000))
