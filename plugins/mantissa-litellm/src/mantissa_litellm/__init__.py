"""Mantissa Log for what litellm knows."""
