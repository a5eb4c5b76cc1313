"""Unmodified Fluss clients as judges of the server."""
