"""The audit trail's words for API keys."""

SENTENCES = {
    "api_key.create": "made the key {target}",
    "api_key.issue_secret": "made the secret of the key {target}",
    "api_key.replace_secret": "replaced the secret of the key {target}; the old one ended at once",
    "api_key.disable": "disabled the key {target}",
    "api_key.enable": "enabled the key {target}",
    "api_key.delete": "deleted the key {target}",
    "api_key.let_end": "let the text of the key {target} end",
    "api_key.revoke_secrets": "revoked every text of the key {target} at once",
    "api_key.give": "gave the key {target} a new contact",
    "api_key.forget_contact": "had the admins be asked about the key {target}",
}
FACTS = {"api_key": "API key", "public_id": "public id", "public_ids": "public ids"}
