"""From sources to the lake: streams, windows, coverage."""
