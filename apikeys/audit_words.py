"""The audit trail's words for API keys."""

SENTENCES = {
    "api_key.create": "made the key {target}",
    "api_key.issue_secret": "made the secret of the key {target}",
    "api_key.replace_secret": "replaced the secret of the key {target}; the old one ended at once",
    "api_key.disable": "disabled the key {target}",
    "api_key.enable": "enabled the key {target}",
    "api_key.delete": "deleted the key {target}",
    "api_key.add_origin": "let the pages of one more origin use the key {target}",
    "api_key.remove_origin": "took an origin from the key {target}",
    "api_key.pin": "pinned the key {target} to another chatflow",
}
FACTS = {"api_key": "API key", "public_id": "public id"}
