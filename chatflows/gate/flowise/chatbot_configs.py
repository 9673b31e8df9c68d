"""GET /api/v1/public-chatbotConfig/{id}: how the widget should look."""

from chatflows.gate import responses
from chatflows.gate.exchange import Exchange

# The smallest config that the widget works with (flowise-wire, section 3).
CHATBOT_CONFIG = {
    "starterPrompts": {},
    "chatFeedback": {"status": False},
    "leads": {"status": False},
    "uploads": {
        "isSpeechToTextEnabled": False,
        "isImageUploadAllowed": False,
        "isRAGFileUploadAllowed": False,
        "imgUploadSizeAndTypes": [],
        "fileUploadSizeAndTypes": [],
    },
    "isTTSEnabled": False,
}


async def show(exchange: Exchange) -> None:
    """Answer with the widget's configuration."""
    await exchange.answer(responses.json_answer(CHATBOT_CONFIG, exchange.cors))
