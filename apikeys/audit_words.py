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
    "api_key.update": "changed the details of the key {target}",
    "api_key.set_limits": "changed the limits of the key {target}",
    "api_key.set_where_from": "changed where calls with the key {target} may come from",
    "api_key.set_scopes": "changed what the key {target} may do",
    "api_key.choose_chatflows": "changed which chatflows the key {target} opens",
    "api_key.ask_contact": "sent the contact of the key {target} a new link",
    "api_key.confirm_contact": "confirmed to be the contact of the key {target}",
    "api_key.delete": "deleted the key {target}",
}
FACTS = {
    "api_key": "API key",
    "public_id": "public id",
    "rotate_every": "days between two reminders to rotate",
    "limit_minute": "requests a minute",
    "limit_streams": "streams at once",
    "limit_day": "calls a day",
    "limit_month": "calls a month",
    "limit_tokens": "tokens a month",
    "limit_budget": "budget a month, in billionths",
}
