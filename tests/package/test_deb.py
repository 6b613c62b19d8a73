"""The Debian package by itself: what is in it and what it asks for."""

import subprocess

import pytest

import galera_sync_guard
from tests.support.checkout import ROOT

AGENTS = sorted(path.name for path in (ROOT / "agents").iterdir())
MODULES = sorted(
    str(path.relative_to(ROOT))
    for package in ("ocfpy", "galera_sync_guard", "vip_client_reset")
    for path in (ROOT / package).rglob("*.py")
)
DOC = "usr/share/doc/galera-sync-guard/"


def output(*argv):
    return subprocess.run([str(arg) for arg in argv], check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture(scope="module")
def tree(deb, tmp_path_factory):
    """The package's files, unpacked."""
    directory = tmp_path_factory.mktemp("tree")
    output("dpkg-deb", "--extract", deb, directory)
    return directory


@pytest.mark.parametrize(
    "path",
    [
        *("usr/lib/ocf/resource.d/custom/" + name for name in AGENTS),
        "usr/sbin/galera-sync-guard",
        "usr/share/man/man8/galera-sync-guard.8.gz",
        *(f"usr/share/man/man7/ocf_custom_{name}.7.gz" for name in AGENTS),
        *("usr/lib/python3/dist-packages/" + name for name in MODULES),
        *(
            DOC + name
            for name in (
                "README.md",
                "CHANGELOG.md",
                "changelog.gz",
                "copyright",
                "SECURITY.md",
                *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
            )
        ),
        *(DOC + "examples/" + path.name for path in sorted((ROOT / "examples").iterdir())),
    ],
)
def test_file_is_in_the_package(tree, path):
    assert (tree / path).is_file() or (tree / (path + ".gz")).is_file()


def test_nothing_else_is_executable(tree):
    executables = [path for path in tree.rglob("*") if path.is_file() and path.stat().st_mode & 0o111]
    assert sorted(path.name for path in executables if not {"sbin", "examples"} & set(path.parts)) == AGENTS


@pytest.mark.parametrize("name", AGENTS)
def test_agent_keeps_its_isolated_interpreter(tree, name):
    assert (tree / "usr/lib/ocf/resource.d/custom" / name).read_text().splitlines()[0] == "#!/usr/bin/python3 -IBS"


def test_agent_does_not_take_its_directory_for_a_checkout(tree):
    assert not (tree / "usr/lib/ocf/resource.d/setup.cfg").exists()


def test_maintenance_file_has_its_directory(tree):
    assert (tree / "var/lib/galera-sync-guard").is_dir()


def test_version_is_the_code_s(field):
    assert field("Version") == galera_sync_guard.__version__


def test_depends_name_everything_that_a_monitor_runs(field):
    names = {dependency.split()[0].partition(":")[0] for dependency in field("Depends").split(",")}
    assert {"python3", "python3-pymysql", "pacemaker-cli-utils", "resource-agents", "nftables"} <= names
    assert field("Provides").startswith("python3-ocfpy ")


def test_maintainer_scripts_touch_no_service(deb, tmp_path):
    output("dpkg-deb", "--control", deb, tmp_path)
    scripts = {name: (tmp_path / name).read_text() for name in ("postinst", "prerm", "postrm")}
    assert not [name for name, text in scripts.items() if "invoke-rc.d" in text or "systemd" in text]


def test_lintian_has_nothing_to_say(deb, tmp_path):
    # lintian leaves files in TMPDIR.
    assert output("env", f"TMPDIR={tmp_path}", "lintian", "--allow-root", "--pedantic", "-E", "-I", deb) == ""


def test_same_files_give_the_same_package(deb, tmp_path):
    output("sh", "-c", 'umask 077; TZ=Asia/Tokyo exec "$0" "$1"', ROOT / "tools" / "build-deb", tmp_path)
    (again,) = tmp_path.glob("*.deb")
    assert again.read_bytes() == deb.read_bytes()
