"""Which test a process of the runner gets next."""

from collections import Counter

from tests.support.runner import work as runner
from tests.support.runner.work import Work


def some(kind, **streams):
    """Return tests of a kind: for each stream those with these seconds."""
    return [
        runner.Test(f"{stream}-{seconds}", f"tests/{kind}.py", kind, kind, stream, False, seconds)
        for stream, times in streams.items()
        for seconds in times
    ]


def taken(work, kind, count, previous=None, busy=()):
    """Return the ids of the next tests that one process takes."""
    ids = []
    for _ in range(count):
        previous = work.take(kind, previous, Counter(busy))
        ids.append(previous.id if previous else None)
    return ids


def test_a_process_stays_on_a_stream_until_nothing_of_it_is_left():
    work = Work(some("cluster", score=[1, 1, 1], fail=[2, 3]))
    assert taken(work, "cluster", 6) == ["fail-3", "fail-2", "score-1", "score-1", "score-1", None]


def test_a_second_process_takes_the_stream_with_the_most_left_for_each():
    work = Work(some("cluster", score=[5, 5], fail=[6]))
    assert taken(work, "cluster", 1, busy=["score"]) == ["fail-6"]


def test_a_process_helps_with_a_stream_that_another_has_begun():
    work = Work(some("cluster", score=[5, 5]))
    assert taken(work, "cluster", 1, busy=["score", "score"]) == ["score-5"]


def test_a_kind_gets_no_test_of_another():
    work = Work(some("cluster", score=[5]) + some("mariadb", file=[1]))
    assert taken(work, "mariadb", 2) == ["file-1", None]
    assert work.kinds() == ["cluster"]


def test_a_test_that_was_put_back_is_handed_out_again():
    work = Work(some("cluster", score=[5]))
    test = work.take("cluster", None, Counter())
    assert not work
    work.put_back(test)
    assert taken(work, "cluster", 2) == ["score-5", None]
