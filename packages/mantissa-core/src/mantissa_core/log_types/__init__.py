"""Log types that every installation has, as YAML."""
