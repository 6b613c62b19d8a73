"""What a monitor costs, measured in one run against its peers: the same machine, the same real Galera node."""
