"""Operations: what those who run the server ask of it, and no caller needs."""
