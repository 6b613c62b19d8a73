"""Pacemaker's configuration and status as the command reads and changes them."""
