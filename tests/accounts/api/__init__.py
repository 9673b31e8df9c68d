"""Operations of the management API on people and service accounts."""
