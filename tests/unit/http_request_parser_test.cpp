#include "http/request_parser.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using executor::http::ParserLimits;
using executor::http::Request;
using executor::http::RequestParser;
using State = RequestParser::State;
using namespace std::string_literals;

namespace {

struct Parsed {
  State state;
  unsigned status;  // of the failure, else 0
  std::string body;
  std::size_t left;  // bytes that belong to the next request
};

// Gives the parser `text` in pieces of `step` bytes, as a connection would.
Parsed parse(const std::string& text, std::size_t step, ParserLimits limits = {}) {
  Request request;
  RequestParser parser(request, limits);
  std::size_t used = 0;
  for (std::size_t given = std::min(step, text.size());; given = std::min(given + step, text.size())) {
    for (std::size_t more = 1; more > 0 && parser.state() <= State::body;)
      used += more = parser.feed(std::string_view(text).substr(used, given - used));
    if (parser.state() > State::body || given == text.size()) break;
  }
  return {parser.state(), parser.state() == State::failed ? parser.failure().status : 0, request.body,
          text.size() - used};
}

struct Refused {
  std::string what;
  std::string text;
  unsigned status = 400;
};

const std::string kPost = "POST /execute HTTP/1.1\r\nHost: a\r\n";

}  // namespace

TEST_CASE("a request is read the same whole and byte by byte") {
  const std::string text =
      "POST /jobs?wait=false HTTP/1.1\r\nHost: a\r\nX-User-Id:  u1 \r\nContent-Length: 5\r\n\r\nhelloGET";
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, text.size()}) {
    const Parsed parsed = parse(text, step);
    CHECK(parsed.state == State::complete);
    CHECK(parsed.body == "hello");
    CHECK(parsed.left == (step == text.size() ? 3 : parsed.left));
  }
  Request request;
  RequestParser parser(request, {});
  CHECK(parser.feed(text) == text.size() - 3);
  CHECK(request.method == "POST");
  CHECK(request.path == "/jobs");
  CHECK(request.query == "wait=false");
  CHECK(request.header("x-user-ID") == "u1");
  CHECK(request.header("x-trace-id").empty());
  CHECK(request.keep_alive);
}

TEST_CASE("a chunked body is put together") {
  const std::string text =
      kPost + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}, text.size()}) {
    const Parsed parsed = parse(text, step);
    CHECK(parsed.state == State::complete);
    CHECK(parsed.body == "abc0123456789");
    CHECK(parsed.left == 0);
  }
}

TEST_CASE("a chunked body may be empty") {
  const std::string text = kPost + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    const Parsed parsed = parse(text, step);
    CHECK(parsed.state == State::complete);
    CHECK(parsed.body.empty());
    CHECK(parsed.left == 0);
  }
}

TEST_CASE("keep-alive follows version and Connection") {
  const auto keeps = [](const std::string& text) {
    Request request;
    RequestParser parser(request, {});
    parser.feed(text);
    REQUIRE(parser.state() == State::complete);
    return request.keep_alive;
  };
  CHECK(keeps("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST_CASE("malformed framing is refused, whole and byte by byte") {
  const std::vector<Refused> corpus{
      {"Content-Length and Transfer-Encoding",
       kPost + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"Transfer-Encoding and Content-Length",
       kPost + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"},
      {"two equal lengths", kPost + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
      {"two different lengths", kPost + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
      {"a list of equal lengths", kPost + "Content-Length: 5, 5\r\n\r\nhello"},
      {"a list of different lengths", kPost + "Content-Length: 5, 6\r\n\r\nhello"},
      {"a length with a plus sign", kPost + "Content-Length: +5\r\n\r\nhello"},
      {"a negative length", kPost + "Content-Length: -5\r\n\r\nhello"},
      {"a hexadecimal length", kPost + "Content-Length: 0x5\r\n\r\nhello"},
      {"a length with a fraction", kPost + "Content-Length: 5.0\r\n\r\nhello"},
      {"an empty length", kPost + "Content-Length: \r\n\r\nhello"},
      {"a length beyond 64 bits", kPost + "Content-Length: 18446744073709551621\r\n\r\nhello"},
      {"a trailing comma", kPost + "Content-Length: 5,\r\n\r\nhello"},
      {"a blank before the colon", kPost + "Content-Length : 5\r\n\r\nhello"},
      {"gzip as transfer encoding", kPost + "Transfer-Encoding: gzip\r\n\r\n"},
      {"gzip before chunked", kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {"chunked before identity", kPost + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"},
      {"chunked twice", kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"an obscured chunked", kPost + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
      {"a vertical tab before chunked", kPost + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n"},
      {"an unknown encoding beside a length",
       kPost + "Transfer-Encoding: x\r\nContent-Length: 5\r\n\r\nhello"},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"},
      {"bare LF after a header", "GET / HTTP/1.1\r\nHost: a\n\r\n"},
      {"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
      {"bare CR in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n"},
      {"CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"},
      {"a folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"},
      {"a folded length", kPost + "Content-Length:\r\n 5\r\n\r\nhello"},
      {"a blank before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
      {"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"NUL in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"s},
      {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s},
      {"TLS bytes", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s},
      {"garbage", "\xff\xfe\xfd\r\n\r\n"},
      {"the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"no version", "GET /\r\nHost: a\r\n\r\n"},
      {"HTTP/0.9 by number", "GET / HTTP/0.9\r\nHost: a\r\n\r\n"},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
      {"two blanks before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a tab in the request line", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"},
      {"an empty header name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"},
      {"a header without a colon", "GET / HTTP/1.1\r\nHost: a\r\nabc\r\n\r\n"},
      {"no Host", "GET / HTTP/1.1\r\n\r\n"},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {"two Hosts in one", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
      {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"an absolute target", "GET http://a/health HTTP/1.1\r\nHost: a\r\n\r\n"},
  };
  for (const Refused& each : corpus) {
    CAPTURE(each.what);
    for (const std::size_t step : {std::size_t{1}, each.text.size()}) {
      const Parsed parsed = parse(each.text, step);
      CHECK(parsed.state == State::failed);
      CHECK(parsed.status == each.status);
    }
  }
}

TEST_CASE("malformed chunks are refused, whole and byte by byte") {
  const std::string head = kPost + "Transfer-Encoding: chunked\r\n\r\n";
  const std::vector<Refused> corpus{
      {"a size that is no number", head + "x\r\n"},
      {"an empty size", head + "\r\nabc\r\n"},
      {"a negative size", head + "-3\r\nabc\r\n"},
      {"a size with a plus sign", head + "+3\r\nabc\r\n"},
      {"a size with 0x", head + "0x3\r\nabc\r\n\r\n"},
      {"a size beyond 64 bits", head + "10000000000000003\r\nabc\r\n"},
      {"a size of the largest number", head + "ffffffffffffffff\r\nabc\r\n", 413},
      {"more data than the size", head + "3\r\nabcd\r\n0\r\n\r\n"},
      {"less data than the size", head + "5\r\nabc\r\n0\r\n\r\n"},
      {"bare LF after the size", head + "3\nabc\r\n0\r\n\r\n"},
      {"bare CR after the size", head + "3\rabc\r\n0\r\n\r\n"},
      {"bare LF after the data", head + "3\r\nabc\n0\r\n\r\n"},
      {"an extension", head + "3;a=b\r\nabc\r\n0\r\n\r\n"},
      {"an extension that hides a line end", head + "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n"},
      {"an extension of the last chunk", head + "0;a\r\n\r\n"},
      {"a trailer", head + "3\r\nabc\r\n0\r\nx-user-id: root\r\n\r\n"},
      {"a length in the trailer", head + "3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n"},
  };
  for (const Refused& each : corpus) {
    CAPTURE(each.what);
    for (const std::size_t step : {std::size_t{1}, each.text.size()}) {
      const Parsed parsed = parse(each.text, step);
      CHECK(parsed.state == State::failed);
      CHECK(parsed.status == each.status);
    }
  }
}

TEST_CASE("a body over the limit is refused before it is read") {
  ParserLimits limits;
  limits.body_bytes = 10;
  CHECK(parse(kPost + "Content-Length: 10\r\n\r\n0123456789", 1, limits).state == State::complete);
  CHECK(parse(kPost + "Content-Length: 11\r\n\r\n", 1000, limits).status == 413);
  const std::string chunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";
  CHECK(parse(chunked + "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", 1, limits).state == State::complete);
  const Parsed over = parse(chunked + "5\r\n01234\r\n6\r\n", 1000, limits);
  CHECK(over.status == 413);
  CHECK(over.body == "01234");
}

TEST_CASE("a header over the limits is refused by what is too long in it") {
  const std::string fill(9000, 'a');
  CHECK(parse("GET /" + fill, 100).status == 414);
  CHECK(parse("GET / HTTP/1.1\r\nHost: a\r\nX: " + fill, 100).status == 431);
  CHECK(parse("GET / HTTP/1.1\r\nHost: a\r\nX: " + fill + "\r\n\r\n", 100'000).status == 431);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 99; ++i) many += "a: b\r\n";
  CHECK(parse(many + "\r\n", 100'000).state == State::complete);
  CHECK(parse(many + "a: b\r\n\r\n", 100'000).status == 431);
}

TEST_CASE("a header of exactly the limit is read") {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  const ParserLimits limits;
  const std::string fill(limits.header_bytes - head.size() - 4, 'x');
  CHECK(parse(head + fill + "\r\n\r\n", 100'000).state == State::complete);
  CHECK(parse(head + fill + "x\r\n\r\n", 100'000).status == 431);
}

TEST_CASE("only 100-continue may be expected") {
  Request request;
  RequestParser parser(request, {});
  parser.feed(kPost + "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n");
  CHECK(parser.state() == State::body);
  CHECK(parser.expects_continue());
  CHECK(parse(kPost + "Expect: tea\r\nContent-Length: 5\r\n\r\n", 1000).status == 417);
}
