"""Who may import and use what, read from the source: the layers of the design."""

import ast
import sys

import pytest

from tests.support.checkout import ROOT

AGENTS = [path for path in sorted((ROOT / "agents").iterdir()) if path.is_file()]
PACKAGES = sorted(
    path for name in ("ocfpy", "galera_sync_guard", "vip_client_reset") for path in (ROOT / name).rglob("*.py")
)


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in PACKAGES}
ENTRY_POINTS = {path.name: ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in AGENTS}


def imports(tree, everywhere=True):
    """Return the full names of what is imported, of what a module imports when it is loaded if not `everywhere`.

    `from a import b` counts as a and as a.b, since b may be a module.
    """
    names = set()
    for statement in ast.walk(tree) if everywhere else at_module_level(tree):
        if isinstance(statement, ast.Import):
            names.update(alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            assert not statement.level, "relative import"
            names.add(statement.module)
            names.update(f"{statement.module}.{alias.name}" for alias in statement.names)
    return names


def at_module_level(tree):
    """Yield the statements that run when a module is loaded: not what is there for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.orelse:
                yield statement
                yield from at_module_level(statement)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield node
            yield from at_module_level(node)


def loaded_by(tree):
    """Return the modules of ours that are loaded with a script, and the foreign modules that these load."""
    ours, foreign, new = set(), set(), imports(tree, everywhere=False)
    while new:
        name = new.pop()
        if name in MODULES and name not in ours:
            ours.add(name)
            new |= imports(MODULES[name], everywhere=False) | {name.rpartition(".")[0]} - {""}
        elif name not in ours and name.rpartition(".")[0] not in MODULES:
            foreign.add(name)
    # `from os import path` is the module os.
    return ours, {name.partition(".")[0] for name in foreign}


def loaded_by_a_monitor():
    """Return the same of a monitor that looks at the server: the agent's executable, and the cycle that it turns."""
    loaded = loaded_by(ENTRY_POINTS["galera_sync_guard"]), loaded_by(MODULES["galera_sync_guard.cycle"])
    return tuple(set().union(*sets) for sets in zip(*loaded, strict=True))


def importers(*packages):
    return {
        name
        for name, tree in MODULES.items()
        if any(used == package or used.startswith(package + ".") for used in imports(tree) for package in packages)
    }


def uses(tree):
    """Yield every dotted name, such as os.environ, that the source uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Name):
            yield node.id


def test_there_is_source_to_look_at():
    assert {"ocfpy.runner", "galera_sync_guard.decision.judge"} <= set(MODULES)
    assert "galera_sync_guard" in ENTRY_POINTS
    ours, foreign = loaded_by(ENTRY_POINTS["galera_sync_guard"])
    assert {"galera_sync_guard.decision.states", "galera_sync_guard.parameters", "ocfpy.runner"} <= ours
    assert {"posix", "sys", "_signal"} <= foreign


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] == "ocfpy"])
def test_ocfpy_imports_itself_and_the_standard_library_only(name):
    packages = {used.split(".")[0] for used in imports(MODULES[name])}
    plugin = {"pytest"} if name == "ocfpy.testing.plugin" else set()
    assert packages <= sys.stdlib_module_names | {"ocfpy"} | plugin


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] == "vip_client_reset"])
def test_the_second_agent_stands_on_ocfpy_alone(name):
    packages = {used.split(".")[0] for used in imports(MODULES[name])}
    assert packages <= sys.stdlib_module_names | {"ocfpy", "vip_client_reset"}


# The floors of the tree, the lowest first. A module imports modules of its own floor and of lower ones, lazily too.
FLOORS = (
    ("ocfpy",),
    ("galera_sync_guard", "galera_sync_guard.parameters", "vip_client_reset"),
    ("galera_sync_guard.decision",),
    ("galera_sync_guard.host",),
    ("galera_sync_guard.server", "galera_sync_guard.cluster"),
    ("galera_sync_guard.cycle",),
    ("galera_sync_guard.watcher",),
    ("galera_sync_guard.agent",),
    ("galera_sync_guard.cli",),
)


def floor_of(module):
    """Return the number of a module's floor: that of the longest name in FLOORS that it is part of."""
    floors = {name: number for number, names in enumerate(FLOORS) for name in names}
    while module not in floors:
        module = module.rpartition(".")[0]
    return floors[module]


def arrows(modules):
    """Return (module, module that it imports); `from package import module` needs no more of the package."""
    found = set()
    for name, tree in modules.items():
        used = imports(tree) & set(modules)
        packages = {package for package in used if any(one.startswith(package + ".") for one in used)}
        found |= {(name, one) for one in used - packages if one != name}
    return found


def upward(modules):
    return sorted(arrow for arrow in arrows(modules) if floor_of(arrow[0]) < floor_of(arrow[1]))


def cycles(modules):
    """Return the modules that import themselves over others; an import for types only loads nothing."""
    used = {name: set() for name in modules}
    for name, one in arrows({name: without_types(tree) for name, tree in modules.items()}):
        used[name].add(one)
    found = []
    for name in modules:
        reached, new = set(), set(used[name])
        while new:
            reached |= new
            new = set().union(*(used[one] for one in new)) - reached
        if name in reached:
            found.append(name)
    return found


def without_types(tree):
    """Return a module without its statements that are there for type checkers only."""
    kept = [node for node in tree.body if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")]
    return ast.Module(kept, [])


def test_imports_point_downwards():
    assert len(arrows(MODULES)) > 100
    assert upward(MODULES) == []


def test_there_is_no_import_cycle():
    assert cycles(MODULES) == []


@pytest.mark.parametrize(
    ("low", "high"), [(low, high) for low in range(len(FLOORS)) for high in range(low + 1, len(FLOORS))]
)
def test_an_arrow_that_points_upwards_is_seen_wherever_it_begins(low, high):
    begin, end = (
        next(name for name in sorted(MODULES, key=len, reverse=True) if floor_of(name) == floor)
        for floor in (low, high)
    )
    for statement in (f"import {end}", f"def later():\n    from {end} import name"):
        tree = ast.parse(ast.unparse(MODULES[begin]) + "\n" + statement)
        assert (begin, end) in upward(MODULES | {begin: tree})


def test_a_cycle_is_seen_though_one_arrow_of_it_is_drawn_when_it_is_needed():
    tree = ast.parse("def later():\n    from galera_sync_guard.watcher import process")
    assert "galera_sync_guard.watcher.process" in cycles(MODULES | {"galera_sync_guard.cycle": tree})


PURE = [name for name in MODULES if name.startswith("galera_sync_guard.decision.")]


@pytest.mark.parametrize("name", PURE)
def test_what_decides_is_pure(name):
    packages = {module.split(".")[0] for module in imports(without_types(MODULES[name]))}
    assert packages <= {"__future__", "galera_sync_guard", "ocfpy"}, "neither time nor I/O nor a driver"
    calls = set(uses(MODULES[name]))
    assert not calls & {"open", "print", "input", "exec", "eval", "__import__", "globals"}


def test_only_the_client_imports_the_driver():
    assert importers("pymysql") == {"galera_sync_guard.server.client"}


def test_only_cpg_calls_a_library_of_c_and_no_monitor_loads_it():
    assert importers("ctypes") == {"galera_sync_guard.cluster.corosync"}
    assert "galera_sync_guard.cluster.corosync" not in loaded_by_a_monitor()[0]


def test_only_publish_runs_commands_in_a_monitor():
    ours, _ = loaded_by_a_monitor()
    assert importers("ocfpy.process.run_command") & ours == {"galera_sync_guard.cluster.attributes"}
    assert importers("subprocess") & ours == set()
    running = {"os.system", "os.popen", "os.execv", "os.execvp", "os.execve", "os.fork", "os.posix_spawn", "os.spawnv"}
    assert [name for name in ours if running & set(uses(MODULES[name]))] == []


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_only_entry_points_exit_or_read_the_environment(name):
    # The last line of an agent that is one file calls ocfpy.main.
    main = {"os._exit", "os.environ", "sys.argv"}
    caught = {"SystemExit", *main} if name == "ocfpy.runner" else set()
    assert not (set(uses(MODULES[name])) - caught) & {
        "sys.exit",
        "os._exit",
        "exit",
        "quit",
        "SystemExit",
        "os.environ",
        "os.getenv",
        "sys.argv",
    }
    assert not imports(MODULES[name]) & {"os.environ", "os.getenv", "sys.exit", "sys.argv", "os._exit"}


def broad_handlers(tree):
    """Return the handlers that catch every error: `except Exception`, `except BaseException`, `except`."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            found += [
                node for kind in caught if kind is None or getattr(kind, "id", "") in ("Exception", "BaseException")
            ]
    return found


def test_every_error_is_caught_in_one_place_only():
    places = [name for name, tree in MODULES.items() for _ in broad_handlers(tree)]
    assert places == ["ocfpy.runner"]


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_an_entry_point_catches_every_error_once_at_most_to_load_the_packages(name):
    tree = ENTRY_POINTS[name]
    handlers = broad_handlers(tree)
    assert len(handlers) <= 1
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and handlers and handlers[0] in node.handlers:
            assert imports(ast.Module(node.body, [])), "it is there for packages that are half installed"


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_an_entry_point_is_small(name):
    lines = (ROOT / "agents" / name).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/python3 -IBS"
    assert len(lines) <= 28


# What Python has loaded anyway, or what costs next to nothing. Expensive modules (subprocess, traceback, configparser,
# pymysql) are imported where they are needed.
LIGHT = {
    "__future__",
    "_socket",
    "os",
    "posix",
    "sys",
    "time",
    "gc",
    "errno",
    "fcntl",
    "select",
    "stat",
    "struct",
    "_signal",
    "syslog",
    "zlib",
}


def test_a_monitor_loads_nothing_heavy():
    _, foreign = loaded_by_a_monitor()
    assert foreign <= LIGHT


def test_the_monitor_of_a_guard_that_watches_loads_nothing_that_asks_the_server_or_the_cluster():
    ours, foreign = loaded_by(ENTRY_POINTS["galera_sync_guard"])
    assert "os" not in foreign
    assert not ours & {
        "galera_sync_guard." + name
        for name in ("cycle", "server", "decision.classify", "cluster", "host", "watcher.process", "watcher.control")
    }


def test_a_monitor_loads_neither_metadata_nor_manual():
    ours, _ = loaded_by_a_monitor()
    assert not ours & {"ocfpy.metadata", "ocfpy.manpage"}
    assert not [name for name in ours if name.startswith("galera_sync_guard.cli")]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_responsible_for(name):
    assert ast.get_docstring(MODULES[name])
