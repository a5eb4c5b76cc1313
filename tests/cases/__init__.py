"""Cases as data: what is typed, and what must come of it."""
