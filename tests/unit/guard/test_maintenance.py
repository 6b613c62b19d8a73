"""When there is a maintenance file: only then is a node out of service."""

import os
import resource

import pytest

from galera_sync_guard.host.maintenance import maintenance_reason


@pytest.fixture
def no_file_can_be_opened():
    """This process has as many open files as it may have."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    unused = os.open("/", os.O_RDONLY)
    os.close(unused)
    resource.setrlimit(resource.RLIMIT_NOFILE, (unused, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(("is_there", "reason"), [(False, None), (True, "")], ids=["no-file", "file"])
def test_a_machine_without_a_free_file_has_one_only_if_there_is_one(tmp_path, request, is_there, reason):
    path = tmp_path / "maintenance"
    if is_there:
        path.write_text("new disk\n")
    request.getfixturevalue("no_file_can_be_opened")
    assert maintenance_reason(str(path)) == reason
