"""MariaDB: the connection, the login and one probe of the local server."""
