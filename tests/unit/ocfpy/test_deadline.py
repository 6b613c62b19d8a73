"""One deadline per action, shorter limits inside it, and no way to miss them."""

import contextlib
import signal
import time

import pytest

from ocfpy.deadline import Deadline, TimeIsUp


@pytest.fixture(autouse=True)
def alarm_is_as_before():
    """After every test no timer runs and the handler is the one before: a leftover would hit any later code."""
    before = signal.getsignal(signal.SIGALRM)
    yield
    timer, handler = signal.getitimer(signal.ITIMER_REAL), signal.getsignal(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    assert (timer, handler) == ((0.0, 0.0), before)


def busy_until_interrupted(seconds=5):
    began = time.monotonic()
    with pytest.raises(TimeIsUp):
        time.sleep(seconds)
    return time.monotonic() - began


def test_a_blocking_call_is_interrupted_at_the_limit():
    with Deadline(10).limit(0.05):
        assert 0.02 < busy_until_interrupted() < 0.5


def test_the_deadline_counts_where_it_is_nearer_than_the_limit():
    deadline = Deadline(0.05)
    with deadline.limit(10):
        assert busy_until_interrupted() < 0.5
    assert deadline.remaining() == 0


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_limit_after_the_deadline_fires_at_once(seconds):
    with Deadline(seconds).limit(10):
        assert busy_until_interrupted() < 0.5


def test_what_is_done_in_time_is_not_interrupted():
    with Deadline(10).limit(0.05):
        pass
    time.sleep(0.1)


def test_a_limit_that_a_bare_except_swallowed_fires_again():
    caught = 0
    with pytest.raises(TimeIsUp), Deadline(10).limit(0.02):
        for _ in range(2):
            try:
                time.sleep(1)
            except:  # noqa: E722  what a library that retries does
                caught += 1
        time.sleep(1)
    assert caught == 2


def test_libraries_that_swallow_exceptions_and_os_errors_do_not_swallow_it():
    with pytest.raises(TimeIsUp), Deadline(10).limit(0.02):
        try:
            time.sleep(5)
        except Exception:
            pytest.fail("swallowed")


def test_an_inner_limit_leaves_the_outer_one_running():
    deadline = Deadline(10)
    began = time.monotonic()
    with pytest.raises(TimeIsUp), deadline.limit(0.6):
        with pytest.raises(TimeIsUp), deadline.limit(0.03):
            time.sleep(5)
        assert time.monotonic() - began < 0.55
        time.sleep(5)
    assert 0.55 < time.monotonic() - began < 1.45


def test_an_inner_limit_that_did_not_fire_leaves_the_outer_one_running():
    deadline = Deadline(10)
    with deadline.limit(0.5):
        with deadline.limit(0.3):
            pass
        assert 0.02 < busy_until_interrupted() < 0.9


def test_an_outer_limit_that_ran_out_inside_an_inner_one_fires_when_that_ends():
    deadline = Deadline(10)
    began = time.monotonic()
    # The alarm may fire as soon as the inner limit ends, so the outer one is all that is looked at.
    with pytest.raises(TimeIsUp), deadline.limit(0.5):
        with deadline.limit(5):
            time.sleep(0.6)
        time.sleep(5)
    assert time.monotonic() - began < 5


def test_an_inner_limit_is_never_longer_than_the_deadline_of_the_whole():
    deadline, began = Deadline(0.5), time.monotonic()
    with pytest.raises(TimeIsUp), deadline.limit(deadline.remaining()), deadline.limit(60):
        time.sleep(5)
    assert time.monotonic() - began < 5


def test_an_alarm_at_the_very_end_of_a_limit_leaves_no_timer_behind():
    # The comparison takes longer than the limit, and the interpreter looks for signals only after it: in __exit__, or
    # in Python 3.9 just before it.
    left, right = [[float(number) for number in range(10**6)] for _ in range(2)]
    with contextlib.suppress(TimeIsUp), Deadline(10).limit(0.001):
        left == right  # noqa: B015
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_remaining_goes_down_to_zero_and_not_below():
    deadline = Deadline(0.05)
    assert 0 < deadline.remaining() <= 0.05
    time.sleep(0.06)
    assert deadline.remaining() == 0
