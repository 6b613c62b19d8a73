"""What the local node said about itself, or why it was silent; data only."""

# Why a node was silent.
DOWN = "down"
HUNG = "hung"
FULL = "full"
NOT_READY = "not-ready"
DENIED = "denied"
LOST = "lost"
BLIND = "blind"


class Facts:
    """The result of one probe.

    `values` has the server's status and system variables, names in lower case, values as the server's text.
    `silence` is None when the server answered everything, else one of the words above with `detail` saying why.
    `maintenance` is the reason in the maintenance file, None when there is no such file. `stalled` is why the storage
    counts as stalled, None when it does not.
    `own_connections` is how many of Threads_connected are ours. `pending_thread` is the server's id of a thread of
    ours that still waits for an answer, None when there is none; `lost_thread` is whether the search for it left one
    more behind.
    """

    __slots__ = (
        "detail",
        "lost_thread",
        "maintenance",
        "own_connections",
        "pending_thread",
        "silence",
        "stalled",
        "values",
    )

    def __init__(
        self,
        values=None,
        silence=None,
        detail="",
        maintenance=None,
        stalled=None,
        own_connections=1,
        pending_thread=None,
        lost_thread=False,
    ):
        self.values = values or {}
        self.silence = silence
        self.detail = detail
        self.maintenance = maintenance
        self.stalled = stalled
        self.own_connections = own_connections
        self.pending_thread = pending_thread
        self.lost_thread = lost_thread

    def get(self, name):
        """Return a variable's text, None if the server does not know it."""
        return self.values.get(name)

    def number(self, name):
        """Return a variable as an int, None if the server does not know it or it is no number."""
        text = self.values.get(name, "")
        return int(text) if text.isascii() and text.isdigit() else None
