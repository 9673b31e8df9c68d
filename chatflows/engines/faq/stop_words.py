"""Words of questions that do not tell what is asked, such as "what", "is" and "please". Pure."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

ENGLISH = frozenset(
    """a about an and are as at be by can could did do does for from had has have how i if in into
    is it its may me my no not of on or our please should so tell than that the their them then
    there these they this to us was we were what when where which who why will with would you
    your""".split()  # noqa: SIM905 (a list of 90 strings is no easier to read)
)
# Of scripts without spaces between words. They end what stands before them inside a run.
_UNSPACED = """
    你好 您好 谢谢 謝謝 方法 好的 你们 我们 他们 咱们 你們 我們 他們 请问 請問 告诉 告訴
    想知道 一下 什么时候 什麼時候 什么 什麼 甚麼 怎么样 怎么办 怎么 怎樣 怎样 怎麼 如何
    为什么 為什麼 为何 哪里 哪裡 哪儿 哪些 哪个 哪個 哪 要多少钱 多少钱 要多少 多少 多久
    几点 幾點 几 幾 是否 是不是 有没有 有沒有 可不可以 能不能 可以 能否 可否 吗 嗎 呢 吧 啊
    呀 了 是 我 你 您 谁 誰 こんにちは ありがとうございます ありがとう したい たい 欲しい
    ほしい ございます 一緒に 一緒 くださいませ ください 下さい 教えて 知りたい でしょうか
    でしたか ですか ますか ませんか ました です ます ありますか あります ありませんか
    できますか できます 出来ますか していますか しています いますか います どうすれば
    どうやって どのように どのくらい どの どれ どこ どちら どう いつ なぜ なに 何時 何
    いくら だれ について に関して とは という いいですか よいですか よろしいですか して から
    まで では には 안녕하세요 감사합니다 하고 하려면 었어요 았어요 했어요 어요 아요 세요
    방법 무엇인가요 무엇 뭔가요 뭐 어떻게 어디에 어디서 어디 언제 왜 누구 누가 얼마나 얼마
    몇 인가요 있나요 있습니까 있어요 없나요 하나요 합니까 해요 되나요 됩니까 돼요 알려주세요
    알려 주세요 싶어요 싶습니다 입니까 입니다 이에요 예요 나요 까요 저희 당신 สวัสดี ขอบคุณ
    วิธี คือ อะไร ครับ ค่ะ คะ ไหม มั้ย หรือไม่ หรือเปล่า ที่ไหน เมื่อไหร่ เมื่อไร เท่าไหร่
    เท่าไร อย่างไร ยังไง กี่โมง กี่ ของ คุณ ฉัน ได้ ที่ มี เป็น จะ อยากทราบ บ้าง นะ ใคร ทำไม
    และ ແມ່ນຫຍັງ ຫຍັງ ແມ່ນ ບໍ່ ບໍ ແນວໃດ ຢູ່ໃສ ເມື່ອໃດ ເທົ່າໃດ ໃດ ຂອງ ເຈົ້າ ມີ ໄດ້ ຈັກ ជាអ្វី
    អ្វី តើ ដែរឬទេ ឬទេ ទេ របស់ អ្នក ប៉ុន្មាន នៅឯណា ពេលណា យ៉ាងដូចម្តេច យ៉ាងណា នៅ ណា មាន បាន
    ဘယ်အချိန် ဘယ်လောက် ဘယ်လို ဘယ်မှာ ဘယ် ဘာ ပါသလား ပါသလဲ သလား သလဲ လား လဲ တယ် မှာ ရဲ့ သင်
"""
_HIRAGANA = "\u3041-\u309f"
_PARTICLE = f"(?<![{_HIRAGANA}])[はがをにでともへのや](?![{_HIRAGANA}])"
# Chinese "of" and "please", but not inside "destination", "taxi" and "apply".
_CHINESE = "(?<!目)的(?!士)|(?<!申)[请請]"
# At the end of what is left of a run: Japanese particles, Korean ones behind two letters or more.
_TAIL = re.compile(
    f"(?<=[^{_HIRAGANA}])[はがをにでともへのやか]+$"
    "|(?<=[가-힣]{2})(?:에서|으로|부터|까지|은|는|이|가|을|를|의|에|와|과|도|로|만|요)$"
)


def telling(run: str) -> Iterator[tuple[int, str]]:
    """Yield what a run tells, without its stop words: each part with its place in the run."""
    start = 0
    for stop in _stops().finditer(run):
        yield from _trimmed(start, run[start : stop.start()])
        start = stop.end()
    yield from _trimmed(start, run[start:])


def _trimmed(start: int, part: str) -> Iterator[tuple[int, str]]:
    if rest := _TAIL.sub("", part):
        yield start, rest


@cache
def _stops() -> re.Pattern[str]:
    # Runs are normalized, which splits one of Thai's vowels.
    words = unicodedata.normalize("NFKC", _UNSPACED).split()
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("|".join([*map(re.escape, longest_first), _CHINESE, _PARTICLE]))
