"""Forms of engines: they collect what was typed, and the service checks it."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from accounts.forms.versions import Versioned, differences, unshown
from chatflows.engines import kinds
from chatflows.engines.flowise import addresses
from chatflows.engines.kinds import Kind
from chatflows.engines.openai.config import DEFAULT_MEMORY_TURNS
from chatflows.models import Chatflow, UpstreamSecret
from chatflows.services import engines

_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
STORED = "Empty: the stored one stays. Another address clears it: it goes to no other server."
# What a pasted address is refused with, by the field that says otherwise.
OTHERS = {
    "base_url": "This address is of another server than the one that is typed. Clear one of them.",
    "flow_id": "This address is of another flow than the one that is typed. Clear one of them.",
}


class EngineForm(Versioned, forms.Form):
    """The choice of the engine."""

    engine = forms.ChoiceField(choices=kinds.choices, widget=forms.RadioSelect)


class UpstreamForm(forms.Form):
    """The fields of every engine with an upstream. An empty secret keeps the stored one.

    Each subclass is the form of the kind of engine that its `prefix` names.
    """

    prefix = ""
    title = ""  # of the form's card on the page
    # The form is hidden while another engine is chosen. The browser must not insist on its fields.
    use_required_attribute = False
    base_url = forms.CharField(
        required=False,
        label="Address of the server",
        widget=forms.URLInput(attrs={**_PLAIN, "inputmode": "url"}),
    )
    secret = forms.CharField(
        required=False,
        widget=forms.PasswordInput(attrs={**_PLAIN, "autocomplete": "new-password"}),
    )
    clear_secret = forms.BooleanField(required=False, label="Forget the stored secret")
    config_fields: tuple[str, ...] = ()
    needed = ("base_url", "flow_id", "model")  # the service insists on them
    key_label = key_help = ""

    def __init__(self, *args: Any, chatflow: Chatflow, origin: str, **kwargs: Any) -> None:
        mine = chatflow.engine_config if chatflow.engine == self.prefix else {}
        super().__init__(*args, **{"initial": mine, **kwargs})
        self.fields["secret"].label = self.key_label
        if origin:
            self.fields["secret"].widget.attrs["placeholder"] = f"set, for {origin}"
            self.fields["secret"].help_text = STORED
        else:
            self.fields["secret"].help_text = self.key_help
            del self.fields["clear_secret"]

    @property
    def config(self) -> dict[str, Any]:
        """The typed settings, for the service to check."""
        return {name: self.cleaned_data.get(name, "") for name in self.config_fields}

    @property
    def new_secret(self) -> str | None:
        """The typed secret. None keeps the stored one, an empty text clears it."""
        if self.cleaned_data.get("clear_secret"):
            return ""
        return self.cleaned_data.get("secret") or None


class FlowiseForm(UpstreamForm):
    """A flow of a Flowise server."""

    prefix = "flowise"
    title = "Flowise server"
    config_fields = ("base_url", "flow_id")
    key_label = "Flowise API key"
    key_help = "If the flow asks for one. Stored encrypted, sent to this server alone."
    flow_id = forms.CharField(
        required=False,
        label="Id of the flow",
        help_text="Or the flow's address, or its embed code, as you copy it from Flowise.",
        widget=forms.TextInput(attrs={**_PLAIN, "class": "mono"}),
    )
    field_order = ("base_url", "flow_id", "secret", "clear_secret")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[
            "base_url"
        ].help_text = "Such as http://127.0.0.1:3000. The address of the flow's canvas does too."

    def clean(self) -> dict[str, Any]:
        """Take apart what was pasted from Flowise. A field that nobody touched gives way to it."""
        cleaned: dict[str, Any] = super().clean() or {}
        typed = {name: cleaned.get(name, "").strip() for name in self.config_fields}
        pasted = {name: addresses.taken_apart(text) for name, text in typed.items()}
        for place, found in pasted.items():
            for name, value in (found._asdict() if found else {}).items():
                rival = getattr(pasted[name], name) if pasted[name] else typed[name]
                is_other = rival.rstrip("/").lower() != value.lower()
                if value and name != place and rival and is_other and name in self.changed_data:
                    self.add_error(place, OTHERS[name])
                elif value:
                    cleaned[name] = value
        return cleaned


class OpenAIForm(UpstreamForm):
    """A model of an OpenAI-compatible server."""

    prefix = "openai"
    title = "Server and model"
    config_fields = (
        "base_url",
        "model",
        "system_prompt",
        "temperature",
        "max_tokens",
        "memory_turns",
    )
    key_label = "API key of the server"
    key_help = "If the server asks for one. Stored encrypted, sent to this server alone."
    model = forms.CharField(
        required=False,
        help_text="As the server calls it.",
        widget=forms.TextInput(attrs={**_PLAIN, "class": "mono", "list": "models"}),
    )
    system_prompt = forms.CharField(
        required=False,
        help_text="What the model is told before each question.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    temperature = forms.CharField(
        required=False,
        help_text="0 to 2. Empty: the server's own.",
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "decimal"}),
    )
    max_tokens = forms.CharField(
        required=False,
        label="Maximum tokens",
        help_text="Of one answer. Empty: the server's own limit.",
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "numeric"}),
    )
    memory_turns = forms.CharField(
        required=False,
        label="Messages of memory",
        help_text=f"0 to 50 go along with a question. Empty: {DEFAULT_MEMORY_TURNS}.",
        widget=forms.TextInput(attrs={**_PLAIN, "inputmode": "numeric"}),
    )
    field_order = (*config_fields[:2], "secret", "clear_secret", *config_fields[2:])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["base_url"].help_text = "Up to /v1, such as http://127.0.0.1:11434/v1."


def _forms() -> dict[str, type[UpstreamForm]]:
    """Return the form of each kind that has one, by the kind's name."""
    forms = {form.prefix: form for form in UpstreamForm.__subclasses__()}
    return {name: forms[name] for name in kinds.KINDS if name in forms}


class EngineForms:
    """The choice of the engine, and the forms of all engines. Only the chosen one's counts."""

    def __init__(self, chatflow: Chatflow, data: QueryDict | None = None) -> None:
        self.chatflow = chatflow
        secret = UpstreamSecret.objects.filter(chatflow=chatflow).first()
        origin = secret.origin if secret else ""
        version = engines.version_of(chatflow, secret)
        self.choice = EngineForm(data, initial={"engine": chatflow.engine}, version=version)
        self._upstreams: dict[str, UpstreamForm] = {}
        for name, form in _forms().items():
            mine = origin if chatflow.engine == name else ""
            typed = data if data is not None and data.get("engine") == name else None
            self._upstreams[name] = form(typed, chatflow=chatflow, origin=mine)

    @property
    def kinds(self) -> list[tuple[Kind[Any], UpstreamForm | None]]:
        """Each kind with its form, for the page."""
        return [(kind, self._upstreams.get(name)) for name, kind in kinds.KINDS.items()]

    @property
    def engine(self) -> str:
        """The name of the chosen engine. Needs a valid choice."""
        chosen: str = self.choice.cleaned_data["engine"]
        return chosen

    @property
    def has_upstream(self) -> bool:
        """Whether the chosen engine has a form."""
        return self.engine in self._upstreams

    @property
    def config(self) -> dict[str, Any]:
        """The typed settings of the chosen engine."""
        return self._upstreams[self.engine].config if self.has_upstream else {}

    @property
    def new_secret(self) -> str | None:
        """The new secret of the chosen engine; see UpstreamForm."""
        return self._upstreams[self.engine].new_secret if self.has_upstream else None

    def are_valid(self) -> bool:
        """Return whether the choice and the chosen engine's form are valid."""
        if not self.choice.is_valid():
            return False
        return not self.has_upstream or self._upstreams[self.engine].is_valid()

    def refuse_stale(self, stored: "EngineForms", by: str) -> None:
        """Say who changed the engine since, and what stands now of what was typed."""
        chosen = self.choice.data.get("engine", "")
        differing: list[tuple[str, str]] = []
        again: list[str] = []
        if chosen == stored.chatflow.engine and chosen in self._upstreams:
            differing = differences(self._upstreams[chosen], stored._upstreams[chosen])
        if chosen in self._upstreams:
            again = unshown(self._upstreams[chosen])
        self.choice.refuse(stored.choice, by, "the engine", differing, again)

    def refuse(self, errors: Mapping[str, str]) -> None:
        """Show the service's sentences at the fields that they are about."""
        if not self.choice.is_valid():
            return
        form = self._upstreams.get(self.engine)
        for name, words in errors.items():
            if form is not None and name in form.fields:
                form.add_error(name, words)
            else:
                self.choice.add_error(None, words)
