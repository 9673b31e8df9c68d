"""Charts of a key's page, drawn as paths of SVG. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from apikeys.resources import Day

WIDTH = 20  # of one day
BAR = 16
LINE = 80  # the height above which calls were let in, below which they were refused
BELOW = 20
SPARK_HEIGHT = 44


@dataclass(frozen=True, slots=True)
class Chart:
    """The calls of some days: let in above the line, refused below."""

    days: Sequence[Day]
    in_path: str
    out_path: str
    width: int
    sentence: str
    let_in: int
    refused: int

    @property
    def middle(self) -> Day:
        """The day that is named in the middle of the axis."""
        return self.days[len(self.days) // 2]


def chart(days: Sequence[Day]) -> Chart | None:
    """Return the chart of these days, the oldest first, or None if there was no call."""
    let_in, refused = sum(day.let_in for day in days), sum(day.refused for day in days)
    if not let_in and not refused:
        return None
    return Chart(
        days=days,
        in_path=_bars([day.let_in for day in days], LINE - 2, up=True),
        out_path=_bars([day.refused for day in days], BELOW, up=False),
        width=WIDTH * len(days),
        sentence=_sentence(days, let_in, refused),
        let_in=let_in,
        refused=refused,
    )


def spark(counts: Sequence[int]) -> tuple[str, str]:
    """Return the paths of a small chart, whose box is `-.5 -SPARK_HEIGHT count SPARK_HEIGHT`.

    The first is of its bars, the second of a mark where there was nothing. Both are lines, which
    take half as much text as outlines: a list draws many.
    """
    most = max(counts, default=0)
    heights = [max(2, round(count / most * SPARK_HEIGHT)) if count else 0 for count in counts]
    bars = "".join(f"M{place} 0V-{height}" for place, height in enumerate(heights) if height)
    runs = [
        [place for place, _ in run]
        for height, run in groupby(enumerate(heights), key=lambda each: each[1])
        if not height
    ]
    # One dashed line for each run of such days; a dash is as wide as a bar (static/css).
    return bars, "".join(f"M{run[0] - 0.4:.1f}-.5H{run[-1] + 0.4:.1f}" for run in runs)


def _bars(counts: Sequence[int], room: int, *, up: bool) -> str:
    most = max(counts, default=0)
    bars = []
    for place, count in enumerate(counts):
        if count:
            height = max(2, round(count / most * room))  # one call is seen too
            top = LINE - height if up else LINE + 3
            x = place * WIDTH + 2
            bars.append(f"M{x} {top}h{BAR}v{height}h-{BAR}z")
    return "".join(bars)


def _sentence(days: Sequence[Day], let_in: int, refused: int) -> str:
    words = f"{let_in:,} call{'' if let_in == 1 else 's'} let in over {len(days)} days"
    if let_in:
        busiest = max(days, key=lambda day: day.let_in)
        words += f", most on {busiest.day.day} {busiest.day:%B}"
    if not refused:
        return f"{words}; none refused"
    worst = max(days, key=lambda day: day.refused)
    return f"{words}; {refused:,} refused, most on {worst.day.day} {worst.day:%B}"
