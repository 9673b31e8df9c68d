"""The audit trail's words for API keys."""

SENTENCES = {
    "api_key.create": "made the key {target}",
    "api_key.issue_secret": "made the secret of the key {target}",
    "api_key.replace_secret": "replaced the secret of the key {target}; the old one ended at once",
    "api_key.rotate": "rotated the key {target}",
    "api_key.extend_overlap": "let the old secret of the key {target} work longer",
    "api_key.retire_secret": "ended the old secret of the key {target}",
    "api_key.end_silent_secret": "ended the old secret of the key {target}, as it was silent",
    "api_key.let_end": "set an end to the secret of the key {target}",
    "api_key.revoke_secrets": "ended every secret of the key {target} at once",
    "api_key.disable": "disabled the key {target}",
    "api_key.enable": "enabled the key {target}",
    "api_key.delete": "deleted the key {target}",
    "api_key.add_origin": "let the pages of one more origin use the key {target}",
    "api_key.remove_origin": "took an origin from the key {target}",
    "api_key.pin": "pinned the key {target} to another chatflow",
}
FACTS = {"api_key": "API key", "public_id": "public id"}
