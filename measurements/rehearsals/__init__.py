"""What Pacemaker's scheduler does with many configurations, and whether check says the same."""
