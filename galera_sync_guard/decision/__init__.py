"""What is decided about a node: pure functions over what was observed; no I/O and no clock."""
