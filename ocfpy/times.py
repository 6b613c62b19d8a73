"""Time spans in the syntax that Pacemaker accepts: `10s`, `200ms`, `2min`, `1h`, a bare number of seconds."""

# Keep in step with crm_get_msec() in Pacemaker's lib/common/strings.c: unit -> seconds.
UNITS = {
    "ms": 0.001,
    "msec": 0.001,
    "us": 0.000001,
    "usec": 0.000001,
    "": 1,
    "s": 1,
    "sec": 1,
    "m": 60,
    "min": 60,
    "h": 3600,
    "hr": 3600,
}


def parse(text):
    """Return the seconds that `text` means, as a float; raise ValueError for anything that is no time span.

    Digits and one unit, nothing else: no sign, no fraction (Pacemaker takes none), no ISO 8601.
    """
    stripped = text.strip()
    digits = stripped.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    unit = stripped[len(digits) :].strip().lower()
    if not (digits.isascii() and digits.isdigit()) or unit not in UNITS:
        raise ValueError(text)
    seconds = float(digits) * UNITS[unit]
    if seconds == float("inf"):
        raise ValueError(text)
    return seconds


def show(seconds):
    """Return a span of seconds as an administrator writes it: `2s`, `200ms`, `1.5s`."""
    if 0 < seconds < 1:
        return f"{round(seconds * 1000, 3):g}ms"
    return f"{round(seconds, 1):g}s"
