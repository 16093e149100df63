"""Rules that say which destinations hear of an alert, when nobody does, and why."""
