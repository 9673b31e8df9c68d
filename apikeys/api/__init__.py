"""The management API's operations about keys."""
