"""What this machine keeps for the guard: its state file, the maintenance file, the storage."""
