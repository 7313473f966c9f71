"""The worker: what the hub does without being asked."""
