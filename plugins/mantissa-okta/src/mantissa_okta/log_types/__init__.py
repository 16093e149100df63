"""Log types of Okta, as YAML."""
