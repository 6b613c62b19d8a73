"""What MariaDB 10.11 says of itself on a healthy node of three, and the changes that bring a node into a state."""

# The names are those of SHOW STATUS and SHOW VARIABLES.
HEALTHY = {
    "wsrep_local_state": "4",
    "wsrep_local_state_comment": "Synced",
    "wsrep_cluster_status": "Primary",
    "wsrep_ready": "ON",
    "wsrep_cluster_size": "3",
    "wsrep_local_recv_queue": "0",
    "Threads_connected": "12",
    "wsrep_on": "ON",
    "wsrep_reject_queries": "NONE",
    "wsrep_desync": "OFF",
    "wsrep_sst_donor_rejects_queries": "OFF",
    "read_only": "OFF",
    "max_connections": "151",
    "extra_port": "0",
}
DONOR = {"wsrep_local_state": "2", "wsrep_local_state_comment": "Donor/Desynced"}
DESYNCED = {**DONOR, "wsrep_desync": "ON"}
CATCHING_UP = {"wsrep_local_state": "3", "wsrep_local_state_comment": "Joined"}
READ_ONLY = {"read_only": "ON"}
SATURATED = {"Threads_connected": "152"}
