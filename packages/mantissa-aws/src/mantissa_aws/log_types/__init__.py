"""Log types of AWS, as YAML."""
