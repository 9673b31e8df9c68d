"""The management API's operations about chatflows, and who may call any operation."""
