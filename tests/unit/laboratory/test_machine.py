"""What the laboratory does to the files of a machine, without a machine."""

import os
import subprocess

from laboratory.machine import WRITE


def test_who_reads_a_file_while_it_is_replaced_reads_the_whole_old_one(tmp_path):
    path = tmp_path / "made" / "file"

    def write(text):
        owner = f"{os.getuid()}:{os.getgid()}"
        subprocess.run(["sh", "-euc", WRITE, "sh", path, owner, "640"], input=text, text=True, check=True)

    write("old\n")
    with path.open() as reader:
        write("new\n")
        assert reader.read() == "old\n"
    assert path.read_text() == "new\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(path.parent) == ["file"]
