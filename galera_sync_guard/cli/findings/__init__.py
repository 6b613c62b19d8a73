"""What can be wrong with a guarded virtual IP: pure functions, one module for each part of the system."""
