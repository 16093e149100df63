"""Log types of 1Password, as data."""
