"""From signals to people: grouping, the outbox, the built-in sinks."""
