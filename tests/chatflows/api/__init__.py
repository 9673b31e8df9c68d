"""Operations of the management API on chatflows."""
