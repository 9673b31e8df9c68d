"""Make the question for an engine from the body of a prediction. Pure."""

from uuid import UUID

from chatflows import predictions
from chatflows.engines import File, Question
from chatflows.protocols.flowise.bodies import PredictionBody


def question(body: PredictionBody) -> Question:
    """Return the question for an engine without an upstream."""
    chat_id = body.chat_id or predictions.new_chat_id()
    return Question(body.question, chat_id, is_streaming=body.streaming, session_id=body.session_id)


def upstream_question(
    body: PredictionBody, files: tuple[File, ...], *, chatflow_id: UUID, caller: str
) -> Question:
    """Return the question for an upstream, which knows the conversation by a name of its own."""
    begun = question(body)
    thread = predictions.thread_id(chatflow_id, caller, begun.chat_id)
    aliases, fields = {thread: begun.chat_id}, dict(body.fields)
    if body.session_id:
        session = predictions.thread_id(chatflow_id, caller, body.session_id)
        aliases[session] = body.session_id
        fields["overrideConfig"] = {**fields.get("overrideConfig", {}), "sessionId": session}
    return begun._replace(
        thread_id=thread, aliases=tuple(aliases.items()), fields=fields, files=files
    )
