"""People and teams: users, memberships, permissions, audit trail, mail, limits, key ring."""
