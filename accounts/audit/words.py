"""Audit words: the sentence for each event. Each app registers its own at the start."""

from collections.abc import Mapping

TARGET = "{target}"
_sentences: dict[str, str] = {}
_facts: dict[str, str] = {}

# What follows the name of who did it. `{target}` is the name of what was changed, if it is another.
SENTENCES = {
    "change.refuse": "tried a change that was refused: {target}",
    "key_ring.add": "added to the key ring: {target}",
    "key_ring.use": "took into use: {target}",
    "key_ring.retire": "took out of the key ring: {target}",
    "mail.retry": "sent the mail again: {target}",
    "team.create": "created the team {target}",
    "team.rename": "renamed the team to {target}",
    "team.transfer": "handed over the team {target}",
    "team.suspend": "suspended the team {target}",
    "team.unsuspend": "ended the suspension of the team {target}",
    "team.delete": "deleted the team {target}",
    "user.set_operator": "changed whether {target} is an operator",
    "membership.create": "added {target} to the team",
    "membership.join": "joined the team",
    "membership.update": "changed the role of {target}",
    "membership.delete": "removed {target} from the team",
    "membership.leave": "left the team",
    "membership.off_board": "decided what becomes of the keys of {target}",
    "invitation.create": "invited {target}",
    "invitation.resend": "created a new invitation link for {target}",
    "invitation.withdraw": "withdrew the invitation of {target}",
    "invitation.accept": "accepted the invitation of {target}",
    "service_account.create": "created the service account {target}",
    "service_account.update": "changed the service account {target}",
    "service_account.give": "gave the service account {target} into other care",
    "service_account.disable": "disabled the service account {target} and so all its keys",
    "service_account.enable": "enabled the service account {target}",
    "service_account.delete": "deleted the service account {target} and all its keys",
    "user.create": "created the account of {target}",
    "user.change_password": "changed the password of {target}",
    "user.reset_password": "chose a new password for {target} by a reset link",
    "user.end_session": "logged out a device of {target}",
    "user.end_sessions": "logged out all other devices of {target}",
    "user.reset_link": "created a reset link for {target}",
    "user.rename": "changed the username of {target}",
    "user.ask_email": "asked for a new e-mail address of {target}",
    "user.change_email": "confirmed a new e-mail address of {target}",
}
FACTS = {
    "is_operator": "operator",
    "times": "times in an hour, at least",
    "kept_known": "kept, with a text that they know",
    "came_later": "kept, as they came later",
}


def register(sentences: Mapping[str, str], facts: Mapping[str, str] | None = None) -> None:
    """Add an app's sentences, and labels for facts whose names don't read well."""
    _sentences.update(sentences)
    _facts.update(facts or {})


def sentence(action: str, name: str) -> tuple[str, str, str]:
    """Return the words before the target's name, the name if it is shown, and the words after.

    An event without a sentence is shown by its name.
    """
    before, target, after = _sentences.get(action, f"{action} {TARGET}").partition(TARGET)
    return before.strip(), target and name, after.strip()


def known() -> Mapping[str, str]:
    """Return every event and its sentence."""
    return _sentences


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the events as choices of a select, grouped by what they are about."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for action in sorted(_sentences):
        words = _sentences[action].replace(TARGET, "…")
        group = fact_name(action.partition(".")[0])
        groups.setdefault(group, []).append((action, words[:1].upper() + words[1:]))
    return list(groups.items())


def fact_name(name: str) -> str:
    """Return the label of a fact."""
    words = _facts.get(name, name.replace("_", " "))
    return words[:1].upper() + words[1:]
