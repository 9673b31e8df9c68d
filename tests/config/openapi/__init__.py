"""The management API as a whole: who is let in, how bodies are read, and its document."""
