"""Log types of GitHub, as YAML."""
