"""The page of one key, and the forms that change it."""
