"""The instance for programs that speak the Model Context Protocol: read-only tools."""
