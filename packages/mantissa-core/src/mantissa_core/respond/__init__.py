"""Actions that change something in the world."""
