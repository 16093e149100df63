"""What the events of Acme look like."""
