"""The parts of a plan as trees of SQL."""
