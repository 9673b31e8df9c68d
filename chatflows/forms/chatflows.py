"""Forms of chatflows, their FAQ, their questions and the flow app."""

from typing import Any

from django import forms
from django.http import QueryDict

from accounts.forms.passwords import NewPasswordField
from accounts.forms.versions import Versioned
from accounts.login.password_rules import MAX_PASSWORD_BYTES
from accounts.services import teams
from chatflows.faq import entries, files
from chatflows.flow_app import chats
from chatflows.models import (
    Chatflow,
    FaqEntry,
    FlowApp,
    FlowAppState,
    HostedChat,
)
from chatflows.services import chatflows

MAX_ASKED = 8000  # characters of a question on the Try it page and in a hosted chat


class SetUpForm(forms.Form):
    """The first owner and the team's name. The services check the rules."""

    email = forms.EmailField(
        label="E-mail", widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )
    username = forms.CharField(
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "username", "spellcheck": "false"}),
        help_text="Letters, digits, dots, hyphens and underscores.",
    )
    password = NewPasswordField()
    team_name = forms.CharField(
        max_length=80,
        label="Team",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        help_text="Your company or group. It takes no web or e-mail address.",
    )

    def clean_team_name(self) -> str:
        name: str = self.cleaned_data["team_name"]
        teams.check_name(name)
        return name


class ChatflowForm(forms.Form):
    """The name of a chatflow. The service says if it is taken."""

    name = forms.CharField(max_length=80, help_text="Callers never see it; your team does.")


class RenameChatflowForm(Versioned, ChatflowForm):
    """Another name of a chatflow."""

    @classmethod
    def of(cls, chatflow: Chatflow, data: QueryDict | None = None) -> "RenameChatflowForm":
        """Return the form of a chatflow as it is now."""
        version = chatflows.version_of_name(chatflow)
        return cls(data, initial={"name": chatflow.name}, version=version)


class FaqEntryForm(forms.ModelForm):  # type: ignore[type-arg]
    """A question and its answer."""

    class Meta:
        model = FaqEntry
        fields = ["question", "answer"]
        widgets = {"answer": forms.Textarea(attrs={"rows": 4})}


class FaqEntryChangeForm(Versioned, FaqEntryForm):
    """Another question or answer of an entry."""

    @classmethod
    def of(cls, entry: FaqEntry, data: QueryDict | None = None) -> "FaqEntryChangeForm":
        """Return the form of an entry as it is now."""
        initial = {"question": entry.question, "answer": entry.answer}
        return cls(data, initial=initial, version=entries.version_of(entry))


class FaqImportForm(forms.Form):
    """A file or a pasted text. A valid form has `source`, `markdown` and `reading`."""

    file = forms.FileField(
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.md,.markdown"}),
        help_text="CSV or markdown, at most 1 MiB and 2,000 entries.",
    )
    text = forms.CharField(
        required=False,
        strip=False,
        max_length=files.MAX_BYTES,
        label="Or paste the text",
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "mono"}),
    )
    existing = forms.ChoiceField(
        choices=[("keep", "Keep the answer that is there"), ("replace", "Replace the answer")],
        initial="keep",
        label="When a question is there already",
        widget=forms.RadioSelect,
    )
    use_required_attribute = False
    source = ""
    markdown = False
    reading: files.Reading

    @property
    def replace(self) -> bool:
        """Whether the file's answers replace those that exist."""
        return self.cleaned_data.get("existing") == "replace"

    def clean(self) -> dict[str, Any]:
        """Read the file or the text."""
        file = self.cleaned_data.get("file")
        pasted: str = self.cleaned_data.get("text") or ""
        if self.errors:
            return self.cleaned_data
        if bool(file) == bool(pasted.strip()):
            self.add_error("text", "Choose a file or paste a text: one of the two.")
            return self.cleaned_data
        name = (file.name or "") if file else ""
        try:
            self.source = files.text_of(file.read() if file else pasted.encode())
            self.markdown = files.is_markdown(self.source, name)
            self.reading = files.parse(self.source, markdown=self.markdown)
        except files.Unreadable as error:
            self.add_error("file" if file else "text", str(error))
        return self.cleaned_data


class FallbackForm(Versioned, forms.ModelForm):  # type: ignore[type-arg]
    """What the FAQ says when no entry answers."""

    class Meta:
        model = Chatflow
        fields = ["fallback"]
        labels = {"fallback": "When nothing fits, say"}
        help_texts = {"fallback": "Empty: a standard sentence."}
        widgets = {"fallback": forms.Textarea(attrs={"rows": 2})}

    @classmethod
    def of(cls, chatflow: Chatflow, data: QueryDict | None = None) -> "FallbackForm":
        """Return the form of a chatflow as it is now."""
        version = entries.version_of_fallback(chatflow)
        return cls(data, initial={"fallback": chatflow.fallback}, version=version)


class AskForm(forms.Form):
    """A question on the Try it page or in a hosted chat, and its conversation."""

    use_required_attribute = False  # the field is empty while the answer comes

    question = forms.CharField(
        max_length=MAX_ASKED,
        label="Your question",
        widget=forms.Textarea(attrs={"rows": 1, "placeholder": "Ask something"}),
    )
    # Two forms of a page hold it, so it has no id.
    chat_id = forms.UUIDField(widget=forms.HiddenInput(attrs={"id": False}))

    @property
    def question_and_chat(self) -> tuple[str, str]:
        """The question and the conversation's id. Needs a valid form."""
        return self.cleaned_data["question"], str(self.cleaned_data["chat_id"])

    @property
    def first_error(self) -> str:
        """The first error as a sentence, for a script."""
        return next(str(errors[0]) for errors in self.errors.values())


class FlowAppForm(Versioned, forms.Form):
    """Who may enter the flow app. The service checks the rules of the login."""

    state = forms.ChoiceField(choices=FlowAppState.choices, widget=forms.RadioSelect)
    username = forms.CharField(
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="One for all visitors. It is no account of your team.",
    )
    password = forms.CharField(
        required=False,
        strip=False,
        max_length=MAX_PASSWORD_BYTES,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, app: FlowApp, **kwargs: Any) -> None:
        super().__init__(*args, version=app.version, **kwargs)
        self.initial = {"state": app.state, "username": app.username, **self.initial}
        help_text = "At least 12 characters. Several words are easy to pass on."
        if app.password_hash:
            help_text = f"Empty: the password stays. {help_text}"
        self.fields["password"].help_text = help_text
        if app.is_from_environment:
            del self.fields["username"], self.fields["password"]


class HostedChatForm(Versioned, forms.ModelForm):  # type: ignore[type-arg]
    """How the flow app shows a chatflow."""

    class Meta:
        model = HostedChat
        fields = ["is_published", "title", "welcome", "starters"]
        labels = {
            "is_published": "Publish it in the flow app",
            "welcome": "Welcome",
            "starters": "Questions to begin with",
        }
        help_texts = {
            "is_published": "Visitors find it in the list and can ask it, without a key.",
            "title": "What visitors see in place of the name.",
            "welcome": "A sentence above the first question.",
            "starters": "One a line. Visitors send one with a tap.",
        }
        widgets = {
            "welcome": forms.Textarea(attrs={"rows": 2}),
            "starters": forms.Textarea(attrs={"rows": 3}),
        }

    @classmethod
    def of(cls, chat: HostedChat, data: QueryDict | None = None) -> "HostedChatForm":
        """Return the form of a hosted chat as it is now."""
        initial = {name: getattr(chat, name) for name in cls.base_fields}
        return cls(data, initial=initial, version=chats.version_of(chat))


class FlowLoginForm(forms.Form):
    """The login of a flow app."""

    username = forms.CharField(
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )
    password = forms.CharField(
        strip=False,
        max_length=MAX_PASSWORD_BYTES,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class DeleteChatflowForm(forms.Form):
    """Confirm a deletion, which can't be undone, by typing the name."""

    confirm_name = forms.CharField(
        label="Type the name of the chatflow", widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args: Any, chatflow: Chatflow, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = chatflow.name

    def clean_confirm_name(self) -> str:
        """Refuse anything but the exact name."""
        typed: str = self.cleaned_data["confirm_name"]
        if typed != self._name:
            raise forms.ValidationError(f"Type {self._name} to delete it.")
        return typed
