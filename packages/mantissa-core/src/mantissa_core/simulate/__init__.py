"""A small company that produces logs, and the attacks hidden in them."""
