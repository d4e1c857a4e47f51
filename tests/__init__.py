"""The rooms mirrored, the laws, the failures, the journeys."""
