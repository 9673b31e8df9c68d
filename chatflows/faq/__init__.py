"""FAQ: entries, their import and export, and unanswered questions."""
