"""Audit words: the sentences for events of chatflows, their FAQ and the flow app."""

SENTENCES = {
    "chatflow.create": "made the chatflow {target}",
    "chatflow.rename": "renamed a chatflow to {target}",
    "chatflow.set_hosted_chat": "changed the hosted chat of {target}",
    "flow_app.update": "changed who comes in to the flow app of {target}",
    "chatflow.set_access": "changed who may call {target}",
    "chatflow.set_engine": "changed what answers for {target}",
    "chatflow.set_fallback": "changed what {target} says when no entry answers",
    "chatflow.near_limit": "saw 80 % of a monthly limit of the chatflow {target} used",
    "chatflow.at_limit": "saw a monthly limit of the chatflow {target} used up",
    "chatflow.delete": "deleted the chatflow {target}",
    "faq_entry.create": "added the FAQ entry {target}",
    "faq_entry.update": "changed the FAQ entry {target}",
    "faq_entry.delete": "deleted the FAQ entry {target}",
    "faq_entries.import": "imported FAQ entries into {target}",
    "unanswered_question.dismiss": "dismissed the unanswered question {target}",
}
FACTS = {
    "allow_key_in_url": "key in the address",
    "is_login_new": "login replaced",
    "faq_entry": "FAQ entry",
    "faq_entries": "FAQ import",
    "is_secret_new": "upstream secret replaced",
}
