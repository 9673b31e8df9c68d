"""FAQ imports: preview what a file or a text would change, import it, and export the entries."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms.base import posted, render_forms
from accounts.login.ways_back import page_of, posted_from
from accounts.permissions import Permission
from chatflows.faq import files, imports
from chatflows.forms.chatflows import FaqImportForm
from chatflows.models import Chatflow
from chatflows.views.chatflow_guard import ChatflowRequest, chatflow_view
from chatflows.views.engine_page import Place

PREVIEW_LIFETIME = 3600  # seconds
SHOWN = 50  # rows of each kind in a preview
MAX_PARCEL = 1_000_000  # characters in a form's hidden field


@dataclass(frozen=True, slots=True)
class Parcel:
    """The source of a preview. The page carries it to the import, signed and compressed."""

    source: str
    markdown: bool
    replace: bool

    def pack(self, chatflow: Chatflow) -> str:
        """Return the text for a hidden field of this chatflow's page."""
        value = [self.source, self.markdown, self.replace]
        return signing.dumps(value, salt=_salt(chatflow), compress=True)

    @classmethod
    def unpack(cls, chatflow: Chatflow, packed: str) -> "Parcel":
        """Read a text that we packed for this chatflow lately. Raises BadSignature for others."""
        return cls(*signing.loads(packed, salt=_salt(chatflow), max_age=PREVIEW_LIFETIME))


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def faq_import(request: ChatflowRequest) -> HttpResponse:
    """Show the form, and what its file or text would change. Nothing is changed yet."""
    chatflow = request.chatflow
    form = FaqImportForm(posted(request), request.FILES or None)
    if not form.is_bound or not form.is_valid():
        return _page(request, form)
    packed = Parcel(form.source, form.markdown, form.replace).pack(chatflow)
    if len(packed) > MAX_PARCEL:
        form.add_error(None, "This text is too large to be shown before it is saved. Split it.")
        return _page(request, form)
    reading = form.reading
    preview = {
        "plan": imports.plan(chatflow, reading.rows, replace=form.replace),
        "bad_lines": reading.bad_lines[: files.MAX_BAD_LINES],
        "bad_count": len(reading.bad_lines),
        "bad_more": len(reading.bad_lines) - files.MAX_BAD_LINES,
        "maybe_header": reading.maybe_header,
        "other_columns": reading.other_columns,
        "kind": "markdown" if form.markdown else "CSV",
        "packed": packed,
    }
    return _page(request, form, 200, **preview)


@chatflow_view(Permission.CHATFLOWS_UPDATE)
@posted_from("faq_import")
def faq_import_save(request: ChatflowRequest) -> HttpResponse:
    """Import what the preview showed."""
    try:
        parcel = Parcel.unpack(request.chatflow, request.POST.get("packed", ""))
    except signing.BadSignature:
        messages.error(request, "That preview is too old. Look at the file again, then import it.")
        return redirect(page_of(request))
    reading = files.parse(parcel.source, markdown=parcel.markdown)
    rows = reading.rows
    if reading.maybe_header and request.POST.get("first_line") == "entry":
        rows = [reading.maybe_header, *rows]
    done = imports.save(request.chatflow, rows, request.principal.actor, replace=parcel.replace)
    messages.success(request, f"Answers are imported: {done.words}")
    return Place.of(request).show("entries")


@chatflow_view(Permission.CHATFLOWS_VIEW)
@require_safe
def faq_export(request: ChatflowRequest) -> HttpResponse:
    """Download all entries as CSV."""
    entries = request.chatflow.faq_entries.values_list("question", "answer")
    name = f"{slugify(request.chatflow.name)[:60] or 'faq'}-faq.csv"
    # Excel reads UTF-8 only after a byte order mark.
    return HttpResponse(
        "\ufeff" + files.to_csv(entries),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _page(
    request: ChatflowRequest, form: FaqImportForm, status: int | None = None, **preview: Any
) -> HttpResponse:
    context = {"chatflow": request.chatflow, "form": form, "shown": f":{SHOWN}", **preview}
    context["place"] = Place.of(request)
    return render_forms(request, "chatflows/faq_import.html", context, status)


def _salt(chatflow: Chatflow) -> str:
    return f"flowlatch.faq_import:{chatflow.pk}"
