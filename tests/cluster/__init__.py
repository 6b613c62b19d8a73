"""Faults on three real nodes: what happens to the virtual IP, to clients and to the cluster."""
