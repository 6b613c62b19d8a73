"""Pacemaker's node attributes and Corosync's messages."""
