"""The audit trail's words for API keys."""

SENTENCES = {
    "api_key.create": "made the key {target}",
    "api_key.issue_secret": "made the secret of the key {target}",
    "api_key.replace_secret": "replaced the secret of the key {target}; the old one ended at once",
    "api_key.disable": "disabled the key {target}",
    "api_key.enable": "enabled the key {target}",
    "api_key.near_limit": "saw 80 % of a monthly limit of the key {target} used",
    "api_key.at_limit": "saw a monthly limit of the key {target} used up",
    "api_key.delete": "deleted the key {target}",
}
FACTS = {
    "api_key": "API key",
    "public_id": "public id",
    "pinned_to": "opens only",
    "limit_minute": "requests a minute",
    "limit_streams": "streams at once",
    "limit_day": "calls a day",
    "limit_month": "calls a month",
    "limit_tokens": "tokens a month",
    "limit_budget": "budget a month",
}
