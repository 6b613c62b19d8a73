"""Times as people read them: what is true when they are shown."""

from __future__ import annotations

import re
import time
from datetime import datetime

# As galera_sync_guard.cluster.moments writes it.
MOMENT = re.compile(r"@(\d{1,10})\b")


def clock(when: float) -> str:
    """Return a time in seconds since 1970 in words: of today as a time, any other with its date."""
    local = time.localtime(when)
    today = time.localtime(time.time())
    return time.strftime("%H:%M:%S" if local[:3] == today[:3] else "%Y-%m-%d %H:%M:%S", local)


def clock_of(text: str) -> str:
    """Return a time as crm_mon writes it like all others; as it is when it is written in another way."""
    try:
        return clock(datetime.fromisoformat(text.replace(" +", "+").replace(" -", "-")).timestamp())
    except ValueError:
        return text


def in_words(reason: str) -> str:
    """Return a reason with its moments as times, and with how long it is until one that has not come yet."""

    def words(moment: re.Match[str]) -> str:
        when = int(moment[1])
        rest = when - time.time()
        return clock(when) if rest <= 0 else f"{clock(when)} (in {rest:.0f} s)"

    return MOMENT.sub(words, reason)
