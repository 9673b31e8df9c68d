"""How pages and files reach the browser: their addresses, and what of them is compressed."""
