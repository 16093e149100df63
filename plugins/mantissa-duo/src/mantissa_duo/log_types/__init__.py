"""Log types of Duo, as YAML."""
