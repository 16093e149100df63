"""The instance over HTTP: ``mantissa serve``. The routes are in ``endpoints.py``."""
