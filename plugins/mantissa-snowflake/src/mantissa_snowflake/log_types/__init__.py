"""Log types of Snowflake, as data."""
