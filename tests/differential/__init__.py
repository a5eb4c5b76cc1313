"""The real Fluss and Thalweg, side by side: the same requests, the same answers."""
