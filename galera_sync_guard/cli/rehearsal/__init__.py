"""What Pacemaker's own scheduler would do with a virtual IP for each fault, and what it should do."""
