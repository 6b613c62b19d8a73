"""What outlives a call: the same record, or none; and whether the guard is started."""

import os

import pytest

from galera_sync_guard.decision.memory import Memory
from galera_sync_guard.host import clock, state_file
from galera_sync_guard.host.state_file import Record
from tests.unit.builders import call, memory_of, record_of, store_of

RECORD = {
    "published_score": -1000000,
    "published_state": "read-only",
    "published_at": 1234.5678901234,
    "published_by": 42,
    "interval": 0.5,
    "pending_thread": 1099511627776,
    "searched_at": 1230.5,
    "pause": 8.0,
    "reported": "read-only/unfit",
    "since": 1700000000,
    "told": "read-only: read_only=ON, must be OFF",
    "told_at": 1234.5,
}
MEMORY = {
    "kind": "unfit",
    "score": -1000000,
    "state": "read-only",
    "bad_at": 1234.1000000001,
    "run_state": "saturated",
    "run_since": 1200.25,
    "last_sample_at": 1234.0,
    "run_samples": 7,
    "grace_expired": True,
    "follows_address": True,
    "peer_since": 0.1,
    "unknown_since": 3.0,
}


def fields(record):
    names = [(record, name) for name in Record.__annotations__] + [
        (record.memory, name) for name in Memory.__annotations__
    ]
    return {name: getattr(part, name) for part, name in names if part}


def path(directory):
    return directory / "galera_sync_guard-galera-guard"


@pytest.fixture
def saved(run_directory):
    """A directory with the record of a guard that was started."""
    store_of(call(run_directory)).save(record_of(memory_of(**MEMORY), **RECORD))
    return run_directory


def test_a_record_comes_back_as_it_was_saved(saved):
    record = store_of(call(saved)).load()
    assert {name: value for name, value in fields(record).items() if value is not None} == {**RECORD, **MEMORY}


ALWAYS_SET = [name for name, annotation in Memory.__annotations__.items() if "None" not in annotation]


@pytest.mark.parametrize("missing", [name for name in (*RECORD, *MEMORY) if name not in ALWAYS_SET])
def test_what_is_not_set_comes_back_as_not_set(run_directory, missing):
    values = {name: None if name == missing else value for name, value in {**RECORD, **MEMORY}.items()}
    record = record_of(memory_of(**{name: values[name] for name in MEMORY}), **{name: values[name] for name in RECORD})
    store_of(call(run_directory)).save(record)
    assert fields(store_of(call(run_directory)).load()) == fields(record)


def test_a_record_without_memory_comes_back_without(run_directory):
    store_of(call(run_directory)).save(record_of(interval=1.0))
    record = store_of(call(run_directory)).load()
    assert record.memory is None
    assert record.interval == 1.0


def test_without_a_file_the_guard_is_not_started_and_remembers_nothing(run_directory):
    assert store_of(call(run_directory)).load() is None
    assert not store_of(call(run_directory)).is_started()


def test_saving_starts_and_deleting_stops(saved):
    assert store_of(call(saved)).is_started()
    store_of(call(saved)).delete()
    assert not store_of(call(saved)).is_started()
    assert list(saved.iterdir()) == []
    store_of(call(saved)).delete()


def test_guards_of_other_resources_are_others(saved):
    assert not store_of(call(saved, instance="other:0")).is_started()


def test_the_instances_of_a_clone_are_the_same_guard_after_a_renumbering(saved):
    assert store_of(call(saved, instance="galera-guard:3")).load() is not None


def test_a_memory_of_another_boot_is_none_and_the_guard_is_not_started(saved, monkeypatch):
    other = saved / "boot_id"
    other.write_text("00000000-0000-4000-8000-000000000000\n")
    monkeypatch.setattr(clock, "BOOT_ID", str(other))
    assert store_of(call(saved)).load() is None
    assert not store_of(call(saved)).is_started()


def test_a_memory_of_other_code_says_so_and_the_guard_is_started(saved, monkeypatch):
    assert store_of(call(saved)).load().is_same_version
    monkeypatch.setattr(state_file, "__version__", "0.0.0")
    assert not store_of(call(saved)).load().is_same_version
    assert store_of(call(saved)).is_started()


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"recovery_hold": "4s"}, {"recovery_hold"}),
        ({"mode": "score", "port": "3307"}, {"mode", "port"}),
        ({"recovery_hold": "3000ms"}, set()),
        ({"mode": "fail"}, set()),
        ({"no_such": "1", "trace_ra": "1", "crm_feature_set": "3.16.2"}, set()),
    ],
    ids=lambda names: " ".join(sorted(names)) or "nothing",  # a set's text is another in each process
)
def test_a_memory_names_the_parameters_that_had_another_value(saved, given, changed):
    assert store_of(call(saved, **given)).load().changed == changed
    assert store_of(call(saved, **given)).is_started()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("attribute", "/x"), ("socket", "/x")),
        (("user", "ab"), ("user", "ba")),
    ],
)
def test_parameters_differ_by_name_and_value(run_directory, one, other):
    store_of(call(run_directory, **dict([one]))).save(Record())
    assert store_of(call(run_directory, **dict([other]))).load().changed == {one[0], other[0]}


def test_an_operation_s_own_settings_are_no_other_parameters(saved):
    assert store_of(call(saved, action="start", interval="0", timeout="20000")).load() is not None


def test_a_truncated_memory_is_none_at_every_byte_but_the_guard_is_started(saved):
    whole = path(saved).read_bytes()
    assert len(whole) > 300
    for length in range(len(whole)):
        path(saved).write_bytes(whole[:length])
        store = store_of(call(saved))
        assert store.load() is None, whole[:length]
        assert store.is_started(), whole[:length]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"end\n"[:3],
        b"\0" * 500,
        b"\xff\xfe" * 200,
        os.urandom(1000),
        b"kind=unfit\n" * 50,
    ],
    ids=["empty", "newline", "half-an-end", "zeros", "no-utf-8", "random", "no-key"],
)
def test_garbage_is_no_memory_but_the_guard_is_started(saved, content):
    path(saved).write_bytes(content)
    assert store_of(call(saved)).load() is None
    assert store_of(call(saved)).is_started()


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"run_samples=7", b"run_samples=x"), (b"bad_at=", b"bad_at=--"), (b"published_by=42", b"published_by=")],
    ids=["word", "sign", "empty"],
)
def test_a_value_that_is_no_number_is_no_memory(saved, old, new):
    path(saved).write_bytes(path(saved).read_bytes().replace(old, new))
    assert store_of(call(saved)).load() is None


def test_a_directory_in_the_place_of_the_file_is_no_memory(run_directory):
    path(run_directory).mkdir()
    assert store_of(call(run_directory)).load() is None


def test_the_file_is_replaced_and_never_changed_in_place(saved):
    with open(path(saved), encoding="utf-8") as reader:
        store = store_of(call(saved))
        store.load()
        store.save(record_of(interval=9.0))
        assert "interval=0.5" in reader.read()
    assert store_of(call(saved)).load().interval == 9.0
    assert os.listdir(saved) == [path(saved).name]


def test_what_a_killed_save_left_does_not_keep_the_next_from_saving(saved):
    (saved / (path(saved).name + ".new")).write_bytes(b"half a record, and longer than any whole one" * 100)
    store_of(call(saved)).save(record_of(interval=9.0))
    assert store_of(call(saved)).load().interval == 9.0


def test_what_a_killed_save_left_goes_with_a_stop(saved):
    (saved / (path(saved).name + ".new")).write_bytes(b"half a record")
    store_of(call(saved)).delete()
    assert list(saved.iterdir()) == []


def test_a_change_that_is_taken_back_is_saved_too(saved):
    store = store_of(call(saved))
    store.load()
    store.save(record_of(interval=9.0))
    store.save(record_of(memory_of(**MEMORY), **RECORD))
    assert store_of(call(saved)).load().interval == RECORD["interval"]


def test_a_half_saved_first_record_is_no_start(run_directory):
    (run_directory / (path(run_directory).name + ".new")).write_bytes(b"x")
    assert not store_of(call(run_directory)).is_started()


def test_a_link_in_the_place_of_the_new_file_is_not_followed(run_directory):
    victim = run_directory / "victim"
    victim.write_text("precious")
    (run_directory / (path(run_directory).name + ".new")).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        store_of(call(run_directory)).save(Record())
    assert victim.read_text() == "precious"


def test_the_file_is_for_root_alone(saved):
    assert path(saved).stat().st_mode & 0o777 == 0o600


def test_what_did_not_change_is_not_written(saved):
    before = path(saved).stat().st_ino
    store = store_of(call(saved))
    store.save(store.load())
    assert path(saved).stat().st_ino == before


def test_what_was_just_saved_is_not_written_again(saved):
    store = store_of(call(saved))
    store.save(record_of(interval=9.0))
    before = path(saved).stat().st_ino
    store.save(record_of(interval=9.0))
    assert path(saved).stat().st_ino == before


def test_the_boot_clock_counts_seconds_since_boot():
    with open("/proc/uptime", encoding="ascii") as file:
        assert clock.boot_clock() == pytest.approx(float(file.read().split()[0]), abs=5)
