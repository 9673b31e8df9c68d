// Java's own HttpClient as it comes: it offers HTTP/2 on every request.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;

public class Ask {
    static final HttpClient client = HttpClient.newHttpClient();

    static void ask(String name, String key, String type, BodyPublisher body) throws Exception {
        String url = System.getenv(name.equals("form") ? "FORM_URL" : "URL");
        var request = HttpRequest.newBuilder(URI.create(url))
            .header("Authorization", "Bearer " + key)
            .header("Content-Type", type)
            .POST(body).build();
        var response = client.send(request, BodyHandlers.ofString());
        System.out.println("--- " + name + " " + response.statusCode());
        System.out.println(response.body());
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    public static void main(String[] arguments) throws Exception {
        String key = System.getenv("KEY"), json = "application/json";
        String question = "{\"question\": \"What is Flowlatch?\"}";
        ask("json", key, json, BodyPublishers.ofString(question));
        ask("chunked", key, json,
            BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(bytes(question))));
        ask("refused", "wrong", json, BodyPublishers.ofString(question));
        ask("stream", key, json,
            BodyPublishers.ofString(question.replace("}", ", \"streaming\": true}")));
        String file = "Content-Disposition: form-data; name=\"files\"; filename=\"a.txt\"";
        String form = "--boundary\r\nContent-Disposition: form-data; name=\"question\"\r\n\r\n"
            + "What is Flowlatch?\r\n--boundary\r\n" + file
            + "\r\nContent-Type: text/plain\r\n\r\nhello\r\n--boundary--\r\n";
        ask("form", key, "multipart/form-data;boundary=\"boundary\"",
            BodyPublishers.ofByteArray(bytes(form)));
    }
}
