"""From committed rows to stored signals: what is new, what is asked for again, and what failed."""
