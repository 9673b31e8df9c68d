"""People and teams: users, memberships, permissions, the audit trail, secrets."""
