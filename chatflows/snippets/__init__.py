"""Snippets: code that calls a chatflow, ready to paste. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from chatflows.snippets import programs

QUESTION = "What can you do?"  # where the chatflow suggests none
# What needs no escape in a shell, in JSON or in any language of the snippets.
PLAIN = re.compile(r"[\w ,.?!:()-]{1,120}")

_PROGRAMS = (
    ("java", "Java", programs.java),
    ("go", "Go", programs.go),
    ("php", "PHP", programs.php),
)


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code in one language."""

    lang: str
    label: str
    code: str

    @property
    def html(self) -> SafeString:
        """The code escaped for pages, with its strings marked."""
        return mark_safe(_mark_strings(self.code))  # noqa: S308 (each part is escaped)


def endpoint(public_url: str, chatflow_id: UUID) -> str:
    """Return the address that programs call."""
    return f"{public_url}/api/v1/prediction/{chatflow_id}"


def example(questions: Iterable[str]) -> str:
    """Return the first question that can stand in code as it is, else the usual one."""
    plain = (question.strip() for question in questions)
    return next((question for question in plain if PLAIN.fullmatch(question)), QUESTION)


def whole(public_url: str, chatflow_id: UUID, question: str = QUESTION) -> list[Snippet]:
    """Return code that asks once and gets a whole answer. The key comes from the environment."""
    url = endpoint(public_url, chatflow_id)
    return [
        Snippet("curl", "curl", _CURL.format(url=url, question=question, more="")),
        Snippet("python", "Python", _PYTHON.format(url=url, question=question)),
        Snippet("js", "JavaScript", _JAVASCRIPT.format(url=url, question=question)),
    ]


def streaming(public_url: str, chatflow_id: UUID, question: str = QUESTION) -> list[Snippet]:
    """Return code that asks once and gets the answer as it comes."""
    url = endpoint(public_url, chatflow_id)
    curl = _CURL.replace("curl {url}", "curl -N {url}")
    more = ', "streaming": true'
    return [
        Snippet("curl", "curl", curl.format(url=url, question=question, more=more)),
        Snippet("python", "Python", _PYTHON_STREAM.format(url=url, question=question)),
        Snippet("js", "JavaScript", _JAVASCRIPT_STREAM.format(url=url, question=question)),
    ]


def by_programs(
    public_url: str, chatflow_id: UUID, question: str = QUESTION, *, is_stream: bool = False
) -> list[Snippet]:
    """Return code for the languages of servers, for a whole answer or one as it comes."""
    url = endpoint(public_url, chatflow_id)
    return [
        Snippet(lang, label, write(url, question, is_stream=is_stream))
        for lang, label, write in _PROGRAMS
    ]


def flowise(public_url: str, chatflow_id: UUID, question: str = QUESTION) -> list[Snippet]:
    """Return code for Flowise's published clients, with our host."""
    values = {"host": public_url, "id": chatflow_id, "question": question}
    return [
        Snippet("js", "flowise-sdk", _FLOWISE_SDK.format(**values)),
        Snippet("python", "flowise for Python", _FLOWISE_PYTHON.format(**values)),
    ]


def openai(public_url: str, chatflow_id: UUID, question: str = QUESTION) -> list[Snippet]:
    """Return code for OpenAI's own clients. The base URL is ours, the model is the chatflow."""
    values = {"host": public_url, "id": chatflow_id, "question": question}
    return [
        Snippet("python", "Python", _OPENAI_PYTHON.format(**values)),
        Snippet("js", "JavaScript", _OPENAI_JAVASCRIPT.format(**values)),
    ]


def in_page(
    public_url: str, chatflow_id: UUID, key_text: str, question: str = QUESTION
) -> list[Snippet]:
    """Return code for a web page. A publishable key's text stands in it as it is."""
    values = {
        "url": endpoint(public_url, chatflow_id),
        "host": public_url,
        "id": chatflow_id,
        "question": question,
        "key": key_text,
    }
    return [
        Snippet("js", "JavaScript", _PAGE_FETCH.format(**values)),
        Snippet("widget", "Flowise widget", _PAGE_WIDGET.format(**values)),
    ]


_CURL = """\
curl {url} \\
  -H "Authorization: Bearer $FLOWLATCH_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"question": "{question}"{more}}}'"""

_PYTHON = """\
import os
import requests

answer = requests.post(
    "{url}",
    headers={{"Authorization": "Bearer " + os.environ["FLOWLATCH_KEY"]}},
    json={{"question": "{question}"}},
)
print(answer.json()["text"])"""

_JAVASCRIPT = """\
const answer = await fetch(
  "{url}",
  {{
    method: "POST",
    headers: {{
      "Authorization": "Bearer " + process.env.FLOWLATCH_KEY,
      "Content-Type": "application/json",
    }},
    body: JSON.stringify({{ question: "{question}" }}),
  }},
);
console.log((await answer.json()).text);"""

_PYTHON_STREAM = """\
import json
import os
import requests

with requests.post(
    "{url}",
    headers={{"Authorization": "Bearer " + os.environ["FLOWLATCH_KEY"]}},
    json={{"question": "{question}", "streaming": True}},
    stream=True,
) as answer:
    answer.raise_for_status()
    for line in answer.iter_lines():
        if line.startswith(b"data:"):
            event = json.loads(line[5:])
            if event["event"] == "token":
                print(event["data"], end="", flush=True)"""

_JAVASCRIPT_STREAM = """\
const answer = await fetch(
  "{url}",
  {{
    method: "POST",
    headers: {{
      "Authorization": "Bearer " + process.env.FLOWLATCH_KEY,
      "Content-Type": "application/json",
    }},
    body: JSON.stringify({{ question: "{question}", streaming: true }}),
  }},
);
let rest = "";
for await (const text of answer.body.pipeThrough(new TextDecoderStream())) {{
  const lines = (rest + text).split("\\n");
  rest = lines.pop();
  for (const line of lines.filter((line) => line.startsWith("data:"))) {{
    const {{ event, data }} = JSON.parse(line.slice(5));
    if (event === "token") process.stdout.write(data);
  }}
}}"""

_FLOWISE_PYTHON = """\
import os
from flowise import Flowise, PredictionData  # pip install flowise

client = Flowise(base_url="{host}", api_key=os.environ["FLOWLATCH_KEY"])
for event in client.create_prediction(
    PredictionData(
        chatflowId="{id}",
        question="{question}",
        streaming=True,
    )
):
    print(event)"""

_FLOWISE_SDK = """\
import sdk from "flowise-sdk"; // npm install flowise-sdk

const client = new sdk.FlowiseClient({{
  baseUrl: "{host}",
  apiKey: process.env.FLOWLATCH_KEY,
}});
const events = await client.createPrediction({{
  chatflowId: "{id}",
  question: "{question}",
  streaming: true,
}});
for await (const event of events) console.log(event);"""


_OPENAI_PYTHON = """\
import os
from openai import OpenAI  # pip install openai

client = OpenAI(base_url="{host}/v1", api_key=os.environ["FLOWLATCH_KEY"])
stream = client.chat.completions.create(
    model="{id}",
    messages=[{{"role": "user", "content": "{question}"}}],
    stream=True,
)
for chunk in stream:
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)"""

_OPENAI_JAVASCRIPT = """\
import OpenAI from "openai"; // npm install openai

const client = new OpenAI({{
  baseURL: "{host}/v1",
  apiKey: process.env.FLOWLATCH_KEY,
}});
const stream = await client.chat.completions.create({{
  model: "{id}",
  messages: [{{ role: "user", content: "{question}" }}],
  stream: true,
}});
for await (const chunk of stream) {{
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
}}"""


_PAGE_FETCH = """\
const answer = await fetch(
  "{url}",
  {{
    method: "POST",
    headers: {{
      "Authorization": "Bearer {key}",
      "Content-Type": "application/json",
    }},
    body: JSON.stringify({{ question: "{question}" }}),
  }},
);
const said = await answer.json();
console.log(answer.ok ? said.text : said.code);"""

_PAGE_WIDGET = """\
<script type="module">
  import Chatbot from "https://cdn.jsdelivr.net/npm/flowise-embed/dist/web.js";
  Chatbot.init({{
    chatflowid: "{id}",
    apiHost: "{host}",
    onRequest: async (request) => {{
      const key = "Bearer {key}";
      request.headers = {{ ...request.headers, Authorization: key }};
    }},
  }});
</script>"""


def _mark_strings(code: str) -> str:
    parts: list[str] = []
    rest = code
    while rest:
        starts = [i for i in (rest.find('"'), rest.find("'")) if i >= 0]
        if not starts:
            break
        start = min(starts)
        end = rest.find(rest[start], start + 1)
        if end < 0:
            break
        parts += [escape(rest[:start]), f'<span class="s">{escape(rest[start : end + 1])}</span>']
        rest = rest[end + 1 :]
    return "".join([*parts, escape(rest)])
