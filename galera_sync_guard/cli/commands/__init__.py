"""One module per command of galera-sync-guard."""
