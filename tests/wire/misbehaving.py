"""What the tests of misbehaving servers share: a monitor and what holds for every one, the steps, a certificate."""

import re

from tests.support.server import STEPS

# The time of a probe: where a server does not answer in time, and where a busy machine must not make it late.
PROBE_TIMEOUT = 2.0
LONG_PROBE_TIMEOUT = 8.0
# For an interpreter's start and end on a busy machine, in seconds.
GENEROUS = 20.0

# Every probe passes these steps; `pending` has a test of its own.
EVERY_STEP = tuple(step for step in STEPS if step != "pending")

# No handshake gets as far as looking at it.
ANY_CERTIFICATE = """
-----BEGIN CERTIFICATE-----
MIIBMjCB5aADAgECAhQ1oheAuZ97M3KpVCqC2jCohGN0ADAFBgMrZXAwDzENMAsG
A1UEAwwEdGVzdDAeFw0yNjExMjIxMDQxNDlaFw0zNjExMTkxMDQxNDlaMA8xDTAL
BgNVBAMMBHRlc3QwKjAFBgMrZXADIQCwuGxnKfbTNUeC+Ql1mdOVJbGvtVL7nPwD
HjTpFL+R46NTMFEwHQYDVR0OBBYEFNz83RCcwFi1//GfivxqsgDai2z5MB8GA1Ud
IwQYMBaAFNz83RCcwFi1//GfivxqsgDai2z5MA8GA1UdEwEB/wQFMAMBAf8wBQYD
K2VwA0EAdCicEwwBdwjsx3lD9iEE5LAxapDwaqanX+kOd7aE3FNOBk1F5EGQNLMQ
1LVxbQKqMZ2hV+D4QAStNmFhoTGfCw==
-----END CERTIFICATE-----
"""


def monitor(guard):
    """Run a monitor; demand what holds for every misbehaviour, and return what was published."""
    _, before = guard.published
    result = guard.monitor()
    assert result.code == 0, result
    assert result.seconds < LONG_PROBE_TIMEOUT + GENEROUS
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.stderr
    assert all(line.isprintable() for line in result.stderr.splitlines())
    score, state = guard.published
    assert state == before or re.search(f"(WARNING|INFO): {state}: ", result.stderr)
    return state, score, result
