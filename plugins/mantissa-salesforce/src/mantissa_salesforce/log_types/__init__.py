"""Log types of Salesforce, as data."""
