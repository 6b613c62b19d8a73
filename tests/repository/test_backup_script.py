"""The backup script of docs/operations.md can run every night, ends maintenance, and tells of a failed backup."""

import subprocess

import pytest

from laboratory.recipe import procedure


@pytest.mark.parametrize("code", [0, 1, 3])
def test_backup_script_has_the_status_of_the_backup_and_ends_maintenance(tmp_path, code):
    (text,) = procedure("Backups")
    script, log = tmp_path / "backup", tmp_path / "log"
    script.write_text(text)
    for name, status in (("galera-sync-guard", 0), ("mariabackup", code)):
        command = tmp_path / name
        command.write_text(f'#!/bin/sh\necho {name} "$*" >>{log}\nexit {status}\n')
        command.chmod(0o755)
    for _ in range(2):
        log.write_text("")
        done = subprocess.run(["sh", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=False)
        assert done.returncode == code
        on, backup, off = log.read_text().splitlines()
        assert on == "galera-sync-guard maintenance on --reason backup"
        assert backup.startswith("mariabackup --backup --target-dir=/var/backups/mariadb-20")
        assert off == "galera-sync-guard maintenance off"
