"""Log types of Microsoft 365, as data."""
