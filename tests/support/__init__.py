"""What several test tiers share: the agent as a process, a stand-in for attrd_updater, private mount namespaces."""
