"""The Python SDK, against a running server."""
