# Ruby's Net::HTTP as it comes.
require "net/http"
require "json"
require "stringio"

def ask(name, key)
  url = URI(ENV.fetch(name == "form" ? "FORM_URL" : "URL"))
  request = Net::HTTP::Post.new(url)
  request["Authorization"] = "Bearer #{key}"
  yield request
  response = Net::HTTP.start(url.host, url.port) { |http| http.request(request) }
  puts "--- #{name} #{response.code}", response.body
end

def json(request, **more)
  request["Content-Type"] = "application/json; charset=utf-8"
  request.body = JSON.generate({ question: "What is Flowlatch?", **more })
end

key = ENV.fetch("KEY")
ask("json", key) { |request| json(request) }
ask("chunked", key) do |request|
  json(request)
  text, request.body = request.body, nil
  request.body_stream = StringIO.new(text)
  request["Transfer-Encoding"] = "chunked"
end
ask("refused", "wrong") { |request| json(request) }
ask("stream", key) { |request| json(request, streaming: true) }
ask("form", key) do |request|
  file = ["files", StringIO.new("hello"), { filename: 'a "b".txt', content_type: "text/plain" }]
  request.set_form([["question", "What is Flowlatch?"], file], "multipart/form-data")
end
