"""Operations of the management API on keys."""
