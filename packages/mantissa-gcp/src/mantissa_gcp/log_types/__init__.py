"""Log types of Google Cloud, as data."""
