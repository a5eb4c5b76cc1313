"""What must hold when the server is killed at any moment."""
