-- A database user for the guard with no privileges at all: USAGE shows every value that it looks at.
-- The login needs no password: the server asks the operating system who is on the other end of its unix socket.
--
-- On every node, as root:
--     adduser --system --no-create-home --home /nonexistent galera_guard
-- On one node (Galera replicates it):
--     mariadb < monitor-user.sql
-- In the cluster:
--     pcs resource update galera-guard os_user=galera_guard
--
-- The guard's actions run as root and become galera_guard only while they connect. A user without privileges cannot
-- take the connection that a full server keeps for administrators: the guard then sees error 1040 and says saturated.

CREATE USER IF NOT EXISTS galera_guard@localhost IDENTIFIED VIA unix_socket;
GRANT USAGE ON *.* TO galera_guard@localhost;
