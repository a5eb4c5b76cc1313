"""What the tests start or fetch from outside: the server under test, the real Fluss server, pinned packages."""
