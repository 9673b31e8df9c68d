<?php
// PHP's streams, which speak HTTP/1.1 here, and its curl for the form.

function ask(string $name, string $key, string $body, string $type, string $version): void
{
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'protocol_version' => $version,
        'header' => ["Authorization: Bearer $key", "Content-Type: $type", 'Connection: close'],
        'content' => $body,
        'ignore_errors' => true,
    ]]);
    $answer = file_get_contents(getenv('URL'), false, $context);
    $status = explode(' ', $http_response_header[0])[1];
    echo "--- $name $status\n$answer\n";
}

$key = getenv('KEY');
$question = json_encode(['question' => 'What is Flowlatch?']);
$streamed = json_encode(['question' => 'What is Flowlatch?', 'streaming' => true]);
ask('json', $key, $question, 'application/json', '1.1');
ask('old', $key, $question, 'application/json; charset=utf8', '1.0');
ask('refused', 'wrong', $question, 'application/json', '1.0');
ask('stream', $key, $streamed, 'application/json', '1.0');

$path = sys_get_temp_dir() . '/ask-' . getmypid() . '.txt';
file_put_contents($path, 'hello');
$curl = curl_init(getenv('FORM_URL'));
curl_setopt_array($curl, [
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_HTTPHEADER => ["Authorization: Bearer $key"],
    CURLOPT_POSTFIELDS => [
        'question' => 'What is Flowlatch?',
        'files' => new CURLFile($path, 'text/plain', 'a "b".txt'),
    ],
]);
$answer = curl_exec($curl);
echo '--- form ', curl_getinfo($curl, CURLINFO_RESPONSE_CODE), "\n$answer\n";
unlink($path);
