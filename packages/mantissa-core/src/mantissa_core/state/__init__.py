"""Small documents and secrets: the stores and what the stages use them through."""
