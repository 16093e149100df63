"""Mantissa Log for Jira."""
