"""The package's own tests (packaging/debian/tests) pass in a root filesystem of the suite, run by autopkgtest."""

from laboratory import mariadb, rootfs
from tests.package.conftest import INSTALL
from tests.support.checkout import ROOT

SOURCE = "/tmp/source"
SUMMARY = "/tmp/summary"
PACKAGING = ROOT / "packaging"


def test_autopkgtest_passes(deb):
    with rootfs.plain_machine(rootfs.with_packages([deb]), "testbed") as machine:
        machine.run(["apt-get", "update", "--quiet"], timeout=300)
        machine.run([*INSTALL, "autopkgtest", "dpkg-dev"], timeout=300)
        mariadb.install_services(machine)
        machine.shell(f"mkdir -p {SOURCE}/debian")
        machine.copy_in(PACKAGING / "debian", SOURCE + "/debian")
        machine.copy_in(deb, "/tmp/" + deb.name)
        # The machine is a container of its own; its network is not, as long as apt needs one.
        done = machine.run(
            [
                "unshare",
                "--net",
                "sh",
                "-c",
                'ip link set lo up && exec "$@"',
                "sh",
                "autopkgtest",
                "--ignore-restrictions=isolation-container",
                "--summary-file=" + SUMMARY,
                "/tmp/" + deb.name,
                SOURCE + "/",
                "--",
                "null",
            ],
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        results = dict(line.split()[:2] for line in machine.read(SUMMARY).splitlines())
        assert results == {"metadata": "PASS", "one-node": "PASS"}
