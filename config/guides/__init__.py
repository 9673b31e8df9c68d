"""The guides: the Markdown pages of docs/, for people who are logged in."""
