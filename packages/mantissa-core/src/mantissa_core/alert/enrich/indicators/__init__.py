"""Lists of indicators of compromise in files: plain text, CSV, STIX 2.1."""
