"""Context for alerts: what the enrichers know about their users, addresses and targets."""
