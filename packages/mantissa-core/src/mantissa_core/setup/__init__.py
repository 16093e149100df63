"""Setting an instance up: questions about a plugin, trying the answers out, and saving them in ``mantissa.toml``.

For the command line, and for programs that embed an instance; every function takes the open runtime.
"""
