"""The verdict table: every state of a node, the kind it belongs to and the score a kind gets; the rules are in judge."""

FIT = "fit"
UNKNOWN = "unknown"
POOR = "poor"
UNFIT = "unfit"

BAD = (POOR, UNFIT)

# Pacemaker's INFINITY is 1000000 (Pacemaker Explained, "Scores").
INFINITY = 1000000

# The invariant: 1000 - 950 < the VIP's stickiness (100) < 1000 - 10. An unknown node is no reason to move a VIP, only
# to place it elsewhere; a poor one is.
SCORES = {FIT: 1000, UNKNOWN: 950, POOR: 10, UNFIT: -INFINITY}

# What a lagging node loses at most: less than the difference between fit and unknown.
LAGGING_PENALTY = 40

# (state, its kind, when a node is in it); where several hold, the first counts.
STATES = (
    ("maintenance", UNFIT, "the maintenance file exists, or pxc_maint_mode is not DISABLED"),
    ("stalled", UNFIT, "the storage has not taken a small synced write within stall_timeout"),
    (
        "down",
        UNFIT,
        "no socket, connection refused, the server says that it is shutting down, or has closed the"
        " watcher's connection and greets nobody",
    ),
    ("hung", UNFIT, "no answer within probe_timeout"),
    ("unknown", UNKNOWN, "access denied, driver missing, protocol error, internal error: the guard cannot see"),
    ("wsrep-off", UNFIT, "wsrep_on is not ON, or the server knows no wsrep_local_state: it is no Galera node"),
    ("inconsistent", UNFIT, "wsrep_local_state is 5: the node lost a consistency vote or its disk is full"),
    ("joining", UNFIT, "wsrep_local_state is 1"),
    ("joined", UNFIT, "wsrep_local_state is 3 and wsrep_ready is not ON: the node has joined and catches up"),
    ("initialized", UNFIT, "wsrep_local_state is 0 and the node belongs to no component"),
    ("non-primary", UNFIT, "wsrep_cluster_status is not Primary"),
    ("not-ready", UNFIT, "wsrep_ready is not ON, or wsrep_local_state is a number that no version of Galera documents"),
    ("rejecting", UNFIT, "wsrep_reject_queries is not NONE"),
    ("read-only", UNFIT, "read_only or super_read_only is anything but OFF or 0, unless available_when_readonly"),
    ("small-cluster", UNFIT, "wsrep_cluster_size is below min_cluster_size"),
    (
        "donor",
        POOR,
        "wsrep_local_state is 2, or 3 with wsrep_ready ON (a donor that catches up), for longer than"
        " donor_grace, or with wsrep_desync; unfit with available_when_donor=never or"
        " wsrep_sst_donor_rejects_queries, fit with always",
    ),
    (
        "saturated",
        POOR,
        "error 1040, or Threads_connected (less our own) has reached connection_limit percent of"
        " max_connections, for longer than saturation_grace",
    ),
    ("lagging", FIT, "wsrep_local_recv_queue is above max_recv_queue: fit, with a score of up to 40 less"),
    ("synced", FIT, "Primary, ready, wsrep_on, wsrep_local_state 4, and nothing above"),
)


def score_text(score):
    """Return a score as Pacemaker writes it."""
    return "-INFINITY" if score <= -INFINITY else str(score)
