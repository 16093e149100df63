"""What the routes do, by what they are about."""
