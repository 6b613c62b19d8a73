"""A real MariaDB Galera, Corosync and Pacemaker cluster in the namespaces of one machine."""
