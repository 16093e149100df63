"""The mantissa command."""
