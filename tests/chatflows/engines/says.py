"""An engine that says what a test tells it to."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from chatflows.engines import Event, Events, Question


class Says:
    """Says these lots, one after the other, and ends. A number is a silence, in seconds."""

    def __init__(self, *lots: Sequence[Event] | float) -> None:
        self.lots = lots

    async def answer(self, question: Question) -> AsyncGenerator[Events, None]:
        """See Engine, but for the last word: that is the test's to say."""
        for lot in self.lots:
            if isinstance(lot, float):
                await asyncio.sleep(lot)
            else:
                yield [*lot]
