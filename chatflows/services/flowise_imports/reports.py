"""Reports: what an import would do, or did, in plain words and as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator

from chatflows.models import AccessMode
from chatflows.services.flowise_imports.plans import Fate, Plan, PlannedFlow, PlannedKey

_FATES = {
    Fate.NEW: ("comes along", "come along"),
    Fate.HERE: ("is here already and stays as it is", "are here already and stay as they are"),
    Fate.TAKEN: ("is taken here", "are taken here"),
    Fate.LEFT_OUT: ("is left out", "are left out"),
}
DONE = {Fate.NEW: ("came along", "came along")}
CLOSE_FLOWISE = (
    "That Flowise still answers whoever reaches it. Let it listen where only Flowlatch reaches it, "
    "and then take the key off each flow there: Flowlatch checks it, and Flowise's check is slow."
)
SIDE_DOORS = (
    "Since 3.1.3 a flow of Flowise can also be asked at /api/v1/mcp/<id> and /api/v1/webhook/<id>, "
    "without an API key. Close both at your proxy."
)
SCOPES = (
    "Keys may ask the chatflows that they opened, and nothing else: what Flowise let them manage "
    "stayed behind."
)
CLEAR = (
    "The texts of these keys still lie readable in Flowise's database and in its backups. Rotate "
    "each key once whoever holds it can take a new text."
)


def lines(plan: Plan, *, is_done: bool) -> Iterator[str]:
    """Yield the report, line by line. No text of a key is in it."""
    yield _counted("key", plan.count(plan.keys), is_done)
    for key in plan.keys:
        yield from _noted(key, _of_key(key))
    yield _counted("chatflow", plan.count(plan.flows), is_done)
    for flow in plan.flows:
        yield from _noted(flow, f" {access(flow)}" if flow.fate is Fate.NEW else "")
    for name in plan.left_out:
        yield f"  {name or 'a chatflow without a name'}: its row can't be read"
    yield from advice(plan)


def advice(plan: Plan) -> Iterator[str]:
    """Yield what to do after the import."""
    if any(key.fate is Fate.NEW for key in plan.keys):
        yield SCOPES
        yield CLEAR
    if any(flow.fate is Fate.NEW for flow in plan.flows):
        yield CLOSE_FLOWISE
        yield SIDE_DOORS


def access(flow: PlannedFlow) -> str:
    """Say who may call a flow."""
    if flow.mode is AccessMode.OFF:
        return "is off"
    if flow.mode is AccessMode.PUBLIC:
        return "is public: everyone may call it"
    if flow.key is not None:
        return f"opens for {flow.key.name}"
    return "opens for DefaultKey" if not flow.found.key_id else "is closed"


def as_json(plan: Plan, *, is_done: bool) -> dict[str, object]:
    """Return the report for a program."""
    return {
        "done": is_done,
        "keys": [
            {"name": key.name, "fate": key.fate.value, "notes": key.notes} for key in plan.keys
        ],
        "chatflows": [
            {
                "id": str(flow.found.id),
                "name": flow.name,
                "fate": flow.fate.value,
                "access": flow.mode.value,
                "key": flow.key.name if flow.key else None,
                "notes": flow.notes,
            }
            for flow in plan.flows
        ],
        "left_out": list(plan.left_out),
    }


def _counted(noun: str, fates: Counter[Fate], is_done: bool) -> str:
    words = {**_FATES, **DONE} if is_done else _FATES
    said = [f"{count:,} {words[fate][count > 1]}" for fate in Fate if (count := fates[fate])]
    return f"{noun.capitalize()}s: {'; '.join(said) or 'none'}."


def _of_key(key: PlannedKey) -> str:
    return " becomes the text of DefaultKey" if key.takes_default else ""


def _noted(thing: PlannedKey | PlannedFlow, says: str) -> Iterable[str]:
    name = thing.found.name or thing.name
    if says or thing.notes:
        yield f"  {_one_line(name)}{says}{': ' if thing.notes else ''}{'; '.join(thing.notes)}"


def _one_line(name: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:120]
