"""Log types of Jamf Pro, as data."""
