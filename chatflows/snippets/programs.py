"""Code in languages that are compiled or run on servers: Java, Go and PHP, with no library."""

_JAVA = """\
import java.net.URI;
import java.net.http.*;
import java.time.Duration;

public class Ask {{ // Java 17 or newer: java Ask.java
  public static void main(String[] arguments) throws Exception {{
    var request = HttpRequest.newBuilder(URI.create("{url}"))
        .header("Authorization", "Bearer " + System.getenv("FLOWLATCH_KEY"))
        .header("Content-Type", "application/json")
        .timeout(Duration.ofSeconds(150))
        .POST(HttpRequest.BodyPublishers.ofString(\"""
            {{"question": "{question}"{more}}}
            \"""))
        .build();
    var client = HttpClient.newHttpClient();
    {asked}
  }}
}}"""

_JAVA_WHOLE = """\
var answer = client.send(request, HttpResponse.BodyHandlers.ofString());
    System.out.println(answer.statusCode() + " " + answer.body());"""

_JAVA_STREAM = """\
var answer = client.send(request, HttpResponse.BodyHandlers.ofLines());
    answer.body()
        .filter(line -> line.startsWith("data:"))
        .forEach(line -> System.out.println(line.substring(5))); // an event as JSON"""

_GO_START = """\
package main // go run ask.go

import (
	{imports}
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
)

func main() {{
	body := strings.NewReader(`{{"question": "{question}"{more}}}`)
	request, _ := http.NewRequest("POST", "{url}", body)
	request.Header.Set("Authorization", "Bearer "+os.Getenv("FLOWLATCH_KEY"))
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {{
		panic(err)
	}}
	defer response.Body.Close()
"""

_GO_WHOLE = """\
	var answer struct{{ Text, Code string }}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {{
		panic(err)
	}}
	fmt.Println(answer.Text, answer.Code)
}}"""

_GO_STREAM = """\
	lines := bufio.NewReader(response.Body)
	for line, err := lines.ReadString('\\n'); err == nil; line, err = lines.ReadString('\\n') {{
		var event struct {{
			Event string
			Data  any
		}}
		data := strings.TrimPrefix(line, "data:")
		if data != line && json.Unmarshal([]byte(data), &event) == nil && event.Event == "token" {{
			fmt.Print(event.Data)
		}}
	}}
}}"""

_PHP_START = """\
<?php
$context = stream_context_create(["http" => [
    "method" => "POST",
    "header" => [
        "Authorization: Bearer " . getenv("FLOWLATCH_KEY"),
        "Content-Type: application/json",
    ],
    "content" => json_encode(["question" => "{question}"{more}]),
    "timeout" => 150,
    "ignore_errors" => true,
]]);
"""

_PHP_WHOLE = """\
$answer = json_decode(file_get_contents("{url}", false, $context));
echo $answer->text ?? $answer->code;"""

_PHP_STREAM = """\
$answer = fopen("{url}", "r", false, $context);
while (($line = fgets($answer)) !== false) {{
    if (!str_starts_with($line, "data:")) continue;
    $event = json_decode(substr($line, 5));
    if ($event->event === "token") echo $event->data;
}}"""


def java(url: str, question: str, *, is_stream: bool) -> str:
    """Return code that prints the answer, or each event of the stream."""
    asked = _JAVA_STREAM if is_stream else _JAVA_WHOLE
    more = ', "streaming": true' if is_stream else ""
    return _JAVA.format(url=url, question=question, more=more, asked=asked)


def go(url: str, question: str, *, is_stream: bool) -> str:
    """Return code that prints the answer, at once or as it comes."""
    code = _GO_START + (_GO_STREAM if is_stream else _GO_WHOLE)
    more = ', "streaming": true' if is_stream else ""
    code = code.format(url=url, question=question, more=more, imports='"bufio"')
    return code if is_stream else code.replace('\t"bufio"\n', "")


def php(url: str, question: str, *, is_stream: bool) -> str:
    """Return code that prints the answer, at once or as it comes."""
    code = _PHP_START + (_PHP_STREAM if is_stream else _PHP_WHOLE)
    more = ', "streaming" => true' if is_stream else ""
    return code.format(url=url, question=question, more=more)
