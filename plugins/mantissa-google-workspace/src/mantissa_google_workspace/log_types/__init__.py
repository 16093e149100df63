"""Log types of Google Workspace, as data."""
