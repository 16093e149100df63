"""Log types of Docker, as data."""
