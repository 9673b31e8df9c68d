// Node's fetch as it comes, and its http module with an offer of HTTP/2.
import http from "node:http";

const { URL: url, FORM_URL: formUrl, KEY: key } = process.env;
const question = JSON.stringify({ question: "What is Flowlatch?" });

async function ask(name, key, body, headers = { "Content-Type": "application/json" }) {
  const head = { Authorization: `Bearer ${key}`, ...headers };
  const response = await fetch(name === "form" ? formUrl : url, { method: "POST", headers: head, body, duplex: "half" });
  console.log(`--- ${name} ${response.status}\n${await response.text()}`);
}

await ask("json", key, question);
await ask("chunked", key, new Blob([question]).stream());
await ask("refused", "wrong", question);
await ask("stream", key, question.replace("}", ', "streaming": true}'));
const form = new FormData();
form.append("question", "What is Flowlatch?");
form.append("files", new Blob(["hello"], { type: "text/plain" }), 'a "b" ü.txt');
await ask("form", key, form, {});

const offer = { Connection: "Upgrade, HTTP2-Settings", Upgrade: "h2c", "HTTP2-Settings": "AAMAAABk" };
const head = { Authorization: `Bearer ${key}`, "Content-Type": "application/json", ...offer };
const request = http.request(url, { method: "POST", headers: head }, async (response) => {
  let text = "";
  for await (const piece of response) text += piece;
  console.log(`--- offer ${response.statusCode}\n${text}`);
});
request.end(question);
