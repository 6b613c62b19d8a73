"""The process that repeats the cycle, its lock, and how a monitor checks it."""
