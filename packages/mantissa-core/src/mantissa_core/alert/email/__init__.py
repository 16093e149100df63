"""Alerts as e-mail: what a message says, as text and as HTML, its headers, and the sink that sends it by SMTP."""
