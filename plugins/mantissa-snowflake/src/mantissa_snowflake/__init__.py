"""Mantissa Log for Snowflake."""
