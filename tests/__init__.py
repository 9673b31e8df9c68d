"""The tests: they tell the story again."""
