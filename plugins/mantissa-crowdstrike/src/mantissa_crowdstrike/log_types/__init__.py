"""Log types of CrowdStrike Falcon, as data."""
