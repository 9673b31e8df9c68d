// Go's net/http and mime/multipart as they come: a file's name is escaped by backslashes.
package main

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
)

func ask(name, key, media string, body io.Reader) {
	url := os.Getenv("URL")
	if name == "form" {
		url = os.Getenv("FORM_URL")
	}
	request, err := http.NewRequest("POST", url, body)
	if err != nil {
		panic(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", media)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		panic(err)
	}
	fmt.Printf("--- %s %d\n%s\n", name, response.StatusCode, answer)
}

func main() {
	key, json := os.Getenv("KEY"), "application/json"
	question := `{"question": "What is Flowlatch?"}`
	ask("json", key, json, strings.NewReader(question))
	ask("chunked", key, json, io.MultiReader(strings.NewReader(question)))
	ask("refused", "wrong", json, strings.NewReader(question))
	ask("stream", key, json, strings.NewReader(strings.Replace(question, "}", `, "streaming": true}`, 1)))
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	writer.WriteField("question", "What is Flowlatch?")
	file, _ := writer.CreateFormFile("files", `a "b" ü.txt`)
	file.Write([]byte("hello"))
	writer.Close()
	ask("form", key, writer.FormDataContentType(), &form)
}
