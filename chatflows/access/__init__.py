"""Access: the rule that lets calls in, and the codes that refused callers get."""
