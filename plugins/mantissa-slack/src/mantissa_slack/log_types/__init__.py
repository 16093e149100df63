"""Log types of Slack, as data."""
