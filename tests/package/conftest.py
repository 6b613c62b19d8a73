"""A minimal Debian on which everything that the package depends on is installed, and nothing else."""

import subprocess

import pytest

from laboratory import rootfs
from laboratory.ground import command

AGENT = "/usr/lib/ocf/resource.d/custom/galera_sync_guard"
INSTALL = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"]


@pytest.fixture(scope="session")
def field(deb):
    """Return a function that gives the text of a field of the package's control file."""
    return lambda name: subprocess.run(
        ["dpkg-deb", "--field", deb, name], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


@pytest.fixture(scope="session")
def layers(field):
    """The layers (topmost first) of a minimal root filesystem that satisfies the package's Depends."""
    depends = field("Depends")
    base = rootfs.base("minimal")
    with rootfs.cached(f"dependencies-{rootfs.fingerprint(base.name, depends)}") as (entry, work):
        if work:
            with rootfs.plain_machine([base]) as machine:
                machine.run(["apt-get", "update", "--quiet"], timeout=300)
                machine.run(["apt-get", "satisfy", *INSTALL[2:], depends], timeout=300)
                machine.run(["apt-get", "clean"])
                command("cp", "-a", machine.ground.view(machine.name) / "upper", work / "files")
    return [entry / "files", base]


@pytest.fixture
def machine(layers):
    """A machine of its own, with what the package depends on but without the package."""
    with rootfs.plain_machine(layers) as machine:
        yield machine


@pytest.fixture(scope="module")
def installed(layers, deb):
    """A machine with the package installed by apt, for tests that change nothing."""
    with rootfs.plain_machine(layers, "installed") as machine:
        install(machine, deb)
        yield machine


def install(machine, deb):
    """Install a package of the host as an administrator does; return apt's output."""
    machine.copy_in(deb, "/tmp/" + deb.name)
    done = machine.run([*INSTALL, "/tmp/" + deb.name])
    return done.stdout + done.stderr


def act(machine, action, level=0, **parameters):
    """Run an action of the installed agent as Pacemaker does; return the finished process."""
    environment = {"OCF_ROOT": "/usr/lib/ocf", "OCF_RESOURCE_INSTANCE": "guard", "OCF_CHECK_LEVEL": str(level)}
    environment |= {"OCF_RESKEY_" + name: value for name, value in parameters.items()}
    return machine.run([AGENT, action], check=False, env=environment)
