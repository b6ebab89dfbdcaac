#include "http/server.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "fakes/http_client.hpp"

using namespace executor::http;
using executor::HttpClient;
using std::chrono::hours;

namespace {

struct Bench {
  explicit Bench(ServerLimits limits = {})
      : server(
            context,
            EndpointTable(
                {{"GET", "/health", [](const ExchangePtr& e) { e->respond({.body = "{}"}); }},
                 {"POST", "/echo", [](const ExchangePtr& e) { e->respond({.body = e->request().body}); }},
                 {"POST", "/later", [this](const ExchangePtr& e) { keep(e); }},
                 {"GET", "/jobs/{id}",
                  [](const ExchangePtr& e) {
                    e->respond({.body = "job " + std::string(e->request().parameter)});
                  }},
                 {"DELETE", "/jobs/{id}", [](const ExchangePtr& e) { e->respond({}); }},
                 {"GET", "/throws", [](const ExchangePtr&) { throw std::runtime_error("secret detail"); }}}),
            limits,
            {.rejected = [this](std::string_view reason) { rejected.emplace_back(reason); },
             .failed = [this](std::string_view what) { failed.emplace_back(what); },
             .quiet = [this] { ++quiet; }}) {
    port = server.listen("127.0.0.1", 0).value();
  }

  void keep(const ExchangePtr& exchange) {
    kept.push_back(exchange);
    exchange->on_gone([this] { ++gone; });
  }
  // Turns the loop until `condition` holds; what it waits for is bound to come.
  template <class Condition>
  void until(Condition condition) {
    while (!condition()) {
      context.restart();
      context.run_one();
    }
  }
  HttpClient client() { return {context, port}; }

  boost::asio::io_context context{1};
  std::vector<ExchangePtr> kept{};
  std::vector<std::string> rejected{};
  std::vector<std::string> failed{};
  int gone = 0;
  int quiet = 0;
  Server server;
  std::uint16_t port = 0;
};

const std::string kGet = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kLater = "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";

std::string request(const std::string& line, const std::string& headers = "") {
  return line + " HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}

std::string body_of(const std::string& response) { return response.substr(response.find("\r\n\r\n") + 4); }

// The one response to `text`, after which the connection is expected to be closed by the server.
std::string refused(Bench& bench, const std::string& text) {
  HttpClient client = bench.client();
  client.send(text);
  return client.until_closed();
}

int status_of(const std::string& response) { return response.empty() ? 0 : std::stoi(response.substr(9, 3)); }

}  // namespace

TEST_CASE("a connection serves one request after the other") {
  Bench bench;
  HttpClient client = bench.client();
  for (int i = 1; i <= 3; ++i) {
    client.send(kGet);
    CHECK(client.receive("\r\n\r\n{}", i));
  }
  CHECK_FALSE(client.closed());
  CHECK(bench.server.connections() == 1);
  CHECK(client.received().starts_with("HTTP/1.1 200 OK\r\nDate: "));
  CHECK(client.received().find("Content-Type: application/json\r\nContent-Length: 2\r\n") !=
        std::string::npos);
  CHECK(client.received().find("Server:") == std::string::npos);
}

TEST_CASE("pipelined requests are answered in their order") {
  Bench bench;
  HttpClient client = bench.client();
  std::string all;
  for (int i = 0; i < 1000; ++i)
    all += request("POST /echo", "Content-Length: 5\r\n") + "n" + std::to_string(1000 + i);
  client.send(all);
  CHECK(client.receive("\r\n\r\nn", 1000));
  std::size_t at = 0;
  for (int i = 0; i < 1000; ++i) {
    at = client.received().find("\r\n\r\nn" + std::to_string(1000 + i), at);
    REQUIRE(at != std::string::npos);
  }
}

TEST_CASE("a pipelined request waits for the answer before it") {
  Bench bench;
  HttpClient client = bench.client();
  client.send(kLater + kGet);
  bench.until([&] { return !bench.kept.empty(); });
  client.poll();
  CHECK(client.received().empty());
  bench.kept[0]->respond({.body = "first"});
  CHECK(client.receive("{}"));
  CHECK(client.received().find("first") < client.received().find("{}"));
}

TEST_CASE("Connection: close and HTTP/1.0 end the connection after the answer") {
  Bench bench;
  CHECK(refused(bench, request("GET /health", "Connection: close\r\n")).find("\r\nConnection: close\r\n") !=
        std::string::npos);
  CHECK(body_of(refused(bench, "GET /health HTTP/1.0\r\n\r\n")) == "{}");
  HttpClient client = bench.client();
  client.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(client.receive("\r\nConnection: keep-alive\r\n"));
}

TEST_CASE("unknown paths are 404 and wrong methods 405 with Allow") {
  Bench bench;
  HttpClient client = bench.client();
  const auto answer = [&client](const std::string& text) {
    client.clear();
    client.send(text);
    REQUIRE(client.receive("\r\n\r\n"));
    return client.status();
  };
  CHECK(answer(request("GET /nothing")) == 404);
  CHECK(nlohmann::json::parse(body_of(client.received()))["error"]["code"] == "not_found");
  CHECK(answer(request("GET /health/")) == 404);
  CHECK(answer(request("GET /%68ealth")) == 404);
  CHECK(answer(request("GET /health?x=1")) == 200);
  CHECK(answer(request("POST /health", "Content-Length: 0\r\n")) == 405);
  CHECK(client.received().find("\r\nAllow: GET\r\n") != std::string::npos);
  CHECK(nlohmann::json::parse(body_of(client.received()))["error"]["code"] == "method_not_allowed");
  CHECK(answer(request("PUT /jobs/7")) == 405);
  CHECK(client.received().find("\r\nAllow: GET, DELETE\r\n") != std::string::npos);
  for (const char* method : {"OPTIONS", "TRACE", "PATCH", "BREW", "get"})
    CHECK(answer(request(std::string(method) + " /health")) == 405);
  CHECK(answer(request("OPTIONS *")) == 405);
  CHECK(answer(request("CONNECT a:80")) == 405);
  CHECK(answer(request("HEAD /health")) == 405);
  CHECK(body_of(client.received()).empty());
  CHECK(answer(request("GET /health")) == 200);
}

TEST_CASE("a path's last segment reaches the handler as it was sent") {
  Bench bench;
  HttpClient client = bench.client();
  client.send(request("GET /jobs/a%2e%2e"));
  CHECK(client.receive("job a%2e%2e"));
  client.send(request("GET /jobs/"));
  CHECK(client.receive("404 Not Found"));
  client.send(request("GET /jobs/a/b"));
  CHECK(client.receive("404 Not Found", 2));
}

TEST_CASE("malformed requests are answered and the connection is closed") {
  Bench bench;
  CHECK(status_of(refused(bench, "GET / HTTP/1.1\nHost: a\n\n")) == 400);
  CHECK(status_of(refused(bench, std::string("\x16\x03\x01\x02\x00\x01", 6))) == 400);
  CHECK(status_of(refused(bench, "GET / HTTP/1.1\r\n\r\n")) == 400);
  CHECK(status_of(refused(bench, "GET /" + std::string(20'000, 'a'))) == 414);
  CHECK(status_of(refused(bench, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1'000'000, 'a'))) == 431);
  const std::string chunked = request("POST /echo", "Transfer-Encoding: chunked\r\n");
  CHECK(status_of(refused(bench, chunked + "5;" + std::string(100'000, 'a'))) == 400);
  CHECK(status_of(refused(bench, kLater.substr(0, kLater.size() - 2) + "Expect: tea\r\n\r\n")) == 417);
  CHECK(bench.rejected.size() == 7);
  const std::string response = refused(bench, "nonsense\r\n\r\n");
  CHECK(response.find("\r\nConnection: close\r\n") != std::string::npos);
  const auto body = nlohmann::json::parse(body_of(response));
  CHECK(body["ok"] == false);
  CHECK(body["error"]["code"] == "bad_request");
  bench.until([&] { return bench.server.connections() == 0; });
}

TEST_CASE("what follows a malformed request is not taken for another") {
  Bench bench;
  const std::string response = refused(
      bench, request("POST /echo", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "abc" + kGet);
  CHECK(status_of(response) == 400);
  CHECK(response.find("HTTP/1.1", 1) == std::string::npos);
}

TEST_CASE("a body over the limit is refused while it is still being sent") {
  ServerLimits limits;
  limits.parser.body_bytes = 1000;
  Bench bench(limits);
  const std::string response =
      refused(bench, request("POST /echo", "Content-Length: 1001\r\n") + std::string(500, 'a'));
  CHECK(status_of(response) == 413);
  CHECK(nlohmann::json::parse(body_of(response))["error"]["code"] == "payload_too_large");
  std::string chunks = request("POST /echo", "Transfer-Encoding: chunked\r\n");
  for (int i = 0; i < 3; ++i) chunks += "190\r\n" + std::string(400, 'a') + "\r\n";
  CHECK(status_of(refused(bench, chunks)) == 413);
  HttpClient client = bench.client();
  client.send(request("POST /echo", "Content-Length: 1000\r\n") + std::string(1000, 'a'));
  CHECK(client.receive(std::string(1000, 'a')));
}

TEST_CASE("a large body arrives whole, by length and in chunks") {
  Bench bench;
  HttpClient client = bench.client();
  std::string body;
  for (int i = 0; i < 300'000; ++i) body += std::to_string(i % 10);
  client.send(request("POST /echo", "Content-Length: " + std::to_string(body.size()) + "\r\n") + body);
  CHECK(client.receive(body));
  client.clear();
  std::string chunked = request("POST /echo", "Transfer-Encoding: chunked\r\n");
  for (std::size_t at = 0; at < body.size(); at += 1000)
    chunked += "3e8\r\n" + body.substr(at, 1000) + "\r\n";
  client.send(chunked + "0\r\n\r\n" + kGet);
  CHECK(client.receive(body));
  CHECK(client.receive("{}"));
}

TEST_CASE("a client that expects it is told to continue") {
  Bench bench;
  HttpClient client = bench.client();
  client.send(request("POST /echo", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
  CHECK(client.receive("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send("hello");
  CHECK(client.receive("\r\n\r\nhello"));
  CHECK(client.received().find("100 Continue", 20) == std::string::npos);
}

TEST_CASE("a client that leaves while its request is handled is noticed") {
  Bench bench;
  {
    HttpClient client = bench.client();
    client.send(kLater);
    bench.until([&] { return !bench.kept.empty(); });
    CHECK(bench.gone == 0);
    client.close();
    bench.until([&] { return bench.gone > 0; });
    bench.kept[0]->respond({.body = "too late"});
    client.poll();
  }
  CHECK(bench.gone == 1);
  CHECK(bench.server.connections() == 0);
}

TEST_CASE("a client that leaves after its answer is not reported as gone") {
  Bench bench;
  HttpClient client = bench.client();
  client.send(kLater);
  bench.until([&] { return !bench.kept.empty(); });
  bench.kept[0]->respond({.body = "x"});
  bench.kept[0]->respond({.body = "y"});
  CHECK(client.receive("\r\n\r\nx"));
  client.close();
  bench.until([&] { return bench.server.connections() == 0; });
  CHECK(bench.gone == 0);
}

TEST_CASE("a request that ends early is refused") {
  Bench bench;
  HttpClient client = bench.client();
  client.send(request("POST /echo", "Content-Length: 10\r\n") + "abc");
  client.poll();
  client.finish_sending();
  CHECK(status_of(client.until_closed()) == 400);
}

TEST_CASE("each phase of a connection has its deadline") {
  const auto after = [](const std::string& text, const std::string& seen) {
    Bench bench;
    HttpClient client = bench.client();
    client.send(text);
    bench.until([&] { return bench.server.connections() == 1; });
    for (int i = 0; i < 20; ++i) client.poll();
    if (!seen.empty()) client.receive(seen);
    bench.server.sweep(Clock::now());
    CHECK(bench.server.connections() == 1);
    bench.server.sweep(Clock::now() + hours(1));
    return status_of(client.until_closed());
  };
  CHECK(after("GET /health HTT", "") == 408);
  CHECK(after(request("POST /echo", "Content-Length: 10\r\n") + "abc", "") == 408);
  CHECK(after("", "") == 0);
  CHECK(after(kGet, "{}") == 200);  // idle after an answer: closed without another
}

TEST_CASE("a request that is being handled has no deadline") {
  Bench bench;
  HttpClient client = bench.client();
  client.send(kLater);
  bench.until([&] { return !bench.kept.empty(); });
  bench.server.sweep(Clock::now() + hours(1));
  CHECK(bench.server.connections() == 1);
  bench.kept[0]->respond({.body = "slow"});
  CHECK(client.receive("slow"));
}

TEST_CASE("a client that does not read its answer is dropped at the deadline") {
  Bench bench;
  boost::asio::ip::tcp::socket deaf(bench.context);
  deaf.connect({boost::asio::ip::make_address("127.0.0.1"), bench.port});
  deaf.send(boost::asio::buffer(kLater));
  bench.until([&] { return !bench.kept.empty(); });
  bench.kept[0]->respond({.body = std::string(64 * 1024 * 1024, 'a')});
  bench.context.restart();
  bench.context.poll();
  CHECK(bench.server.busy() == 1);
  bench.server.sweep(Clock::now() + hours(1));
  CHECK(bench.server.connections() == 0);
}

TEST_CASE("connections beyond the cap get 503 and the others stay") {
  ServerLimits limits;
  limits.connections = 2;
  Bench bench(limits);
  HttpClient first = bench.client();
  HttpClient second = bench.client();
  bench.until([&] { return bench.server.connections() == 2; });
  HttpClient third = bench.client();
  const std::string response = third.until_closed();
  CHECK(status_of(response) == 503);
  CHECK(response.find("\r\nRetry-After: ") != std::string::npos);
  CHECK(nlohmann::json::parse(body_of(response))["error"]["code"] == "too_many_connections");
  first.send(kGet);
  CHECK(first.receive("{}"));
  CHECK(bench.rejected == std::vector<std::string>{"too_many_connections"});
}

TEST_CASE("draining closes idle connections, finishes busy ones and says when it is quiet") {
  Bench bench;
  HttpClient idle = bench.client();
  HttpClient busy = bench.client();
  busy.send(kLater);
  bench.until([&] { return !bench.kept.empty() && bench.server.connections() == 2; });
  bench.server.drain();
  CHECK(idle.until_closed().empty());
  HttpClient late = bench.client();
  late.send(kGet);
  CHECK(late.until_closed().find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(bench.quiet == 0);
  bench.kept[0]->respond({.body = "done"});
  const std::string response = busy.until_closed();
  CHECK(body_of(response) == "done");
  CHECK(response.find("\r\nConnection: close\r\n") != std::string::npos);
  bench.until([&] { return bench.quiet > 0; });
  bench.server.stop();
  CHECK(bench.server.connections() == 0);
  CHECK(bench.quiet == 1);
}

TEST_CASE("a stopped server accepts nothing and tells pending handlers that their clients are gone") {
  Bench bench;
  HttpClient client = bench.client();
  client.send(kLater);
  bench.until([&] { return !bench.kept.empty(); });
  bench.server.stop();
  CHECK(bench.gone == 1);
  CHECK(client.until_closed().empty());
  boost::asio::ip::tcp::socket late(bench.context);
  boost::system::error_code code;
  late.connect({boost::asio::ip::make_address("127.0.0.1"), bench.port}, code);
  CHECK(code == boost::asio::error::connection_refused);
}

TEST_CASE("a handler that throws is a 500 with an id whose details are in the log alone") {
  Bench bench;
  HttpClient client = bench.client();
  client.send(request("GET /throws"));
  CHECK(client.receive("\r\n\r\n"));
  CHECK(client.status() == 500);
  CHECK(client.received().find("secret") == std::string::npos);
  const std::string message = nlohmann::json::parse(body_of(client.received()))["error"]["message"];
  REQUIRE(bench.failed.size() == 1);
  CHECK(bench.failed[0].find("secret detail") != std::string::npos);
  const std::string id = message.substr(message.rfind(' ') + 1);
  CHECK(id.size() == 36);
  CHECK(bench.failed[0].find(id) != std::string::npos);
}

TEST_CASE("a socket handed over is accepted on, and left to its other holder once the server drains") {
  boost::asio::io_context context{1};
  boost::asio::ip::tcp::acceptor holder(context, {boost::asio::ip::make_address("127.0.0.1"), 0});
  Server server(context,
                EndpointTable({{"GET", "/health", [](const ExchangePtr& e) { e->respond({.body = "{}"}); }}}),
                {}, {});
  const std::uint16_t port = server.adopt(::dup(holder.native_handle())).value();
  CHECK(port == holder.local_endpoint().port());
  HttpClient first(context, port);
  first.send(kGet);
  REQUIRE(first.receive("{}"));
  HttpClient half(context, port);
  half.send(kGet.substr(0, 10));
  HttpClient other(context, port);
  other.send(kGet);
  REQUIRE(other.receive("{}"));  // so the half before it is read
  server.drain();
  half.send(kGet.substr(10));
  CHECK(half.until_closed().starts_with("HTTP/1.1 200 "));
  HttpClient later(context, port);
  boost::asio::ip::tcp::socket waiting(context);
  holder.accept(waiting);  // it waited there
  CHECK(waiting.remote_endpoint().port() != 0);
}

TEST_CASE("an address that cannot be bound is an error that names it") {
  Bench bench;
  Server other(bench.context, EndpointTable{}, {}, {});
  const auto taken = other.listen("127.0.0.1", bench.port);
  REQUIRE(taken.has_error());
  CHECK(taken.error().message().find("port " + std::to_string(bench.port)) != std::string::npos);
  CHECK(other.listen("not an address", 0).has_error());
}
