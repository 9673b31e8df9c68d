"""Forms as a browser reads them from a page: their fields, values and errors."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

TYPED = {"text", "email", "number", "url", "search", "date", "datetime-local", "password", "tel"}
Attributes = dict[str, str]


@dataclass
class Field:
    """One field of a form, as it is drawn."""

    tag: str
    attributes: Attributes
    value: str = ""

    @property
    def name(self) -> str:
        """The name under which it is sent."""
        return self.attributes.get("name", "")

    @property
    def is_typed(self) -> bool:
        """Whether a person types into it."""
        kind = self.attributes.get("type", "text") if self.tag == "input" else self.tag
        return bool(self.name) and (kind in TYPED or kind == "textarea")


@dataclass
class Form:
    """A form that is posted."""

    action: str
    is_search: bool
    fields: list[Field] = field(default_factory=list)

    @property
    def typed(self) -> list[Field]:
        """The fields that a person types into, the searches of pickers aside."""
        fields = [each for each in self.fields if each.is_typed]
        return [each for each in fields if each.attributes.get("type") != "search"]

    @property
    def sent(self) -> dict[str, list[str]]:
        """What a browser would send of it as it is drawn."""
        found: dict[str, list[str]] = {}
        for each in self.fields:
            is_box = each.attributes.get("type") in ("checkbox", "radio")
            if each.name and (not is_box or "checked" in each.attributes):
                found.setdefault(each.name, []).append(each.value)
        found.pop("csrfmiddlewaretoken", None)
        return found


class Page(HTMLParser):
    """Reads the forms of a page, and its ids."""

    def __init__(self, text: str, address: str) -> None:
        super().__init__()
        self.address = address
        self.forms: list[Form] = []
        self.named: dict[str, Form] = {}
        self.ids: set[str] = set()
        self.fields: list[Field] = []
        self._form: Form | None = None
        self._text: Field | None = None
        self._select: Field | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form or a field."""
        given = {name: value or "" for name, value in attrs}
        self.ids.add(given.get("id", ""))
        if tag == "form":
            is_post = given.get("method") == "post"
            form = Form(given.get("action") or self.address, given.get("role") == "search")
            self.named[given.get("id", "")] = form
            self._form = form
            if is_post:
                self.forms.append(form)
        elif tag in ("input", "textarea", "select"):
            self._field(Field(tag, given, given.get("value", "")), given)
        elif tag == "option" and self._select is not None:
            self._option(self._select, given)

    def _field(self, found: Field, given: Attributes) -> None:
        form = self.named.get(given["form"]) if "form" in given else self._form
        if form is not None and given.get("type") not in ("submit", "button", "file"):
            form.fields.append(found)
        self.fields.append(found)
        self._text = found if found.tag == "textarea" else None
        self._select = found if found.tag == "select" else None

    def _option(self, select: Field, given: Attributes) -> None:
        if "selected" in given or not select.attributes.get("has an option"):
            select.value = given.get("value", "")
            select.attributes["has an option"] = "yes"

    def handle_data(self, data: str) -> None:
        """Read the text of a field."""
        if self._text is not None:
            self._text.value += data

    def handle_endtag(self, tag: str) -> None:
        """Leave a field or a form."""
        if tag == "form":
            self._form = None
        elif tag == "textarea" and self._text is not None:
            self._text.value = self._text.value.removeprefix("\n")
            self._text = None
        elif tag == "select":
            self._select = None
