"""The command galera-sync-guard: sets guards up and tells people what they see; a monitor never loads any of it."""
