"""The flow app: hosted chats behind a login of their own."""
