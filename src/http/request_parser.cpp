#include "http/request_parser.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <ostream>

namespace executor::http {

namespace beast = boost::beast;

namespace {
std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

// What is set aside at once for a body whose length the header claims; more is taken as bytes arrive.
constexpr std::uint64_t kBodyReserve = 64 * kKiB;
}  // namespace

// Beast's parser with its events written into the Request.
class RequestParser::Grammar : public beast::http::basic_parser<true> {
 public:
  explicit Grammar(Request& request) : request_(request) {}

 private:
  using Code = beast::error_code;

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       Code&) override {
    request_.method = view(method);
    request_.target = view(target);
    request_.http_1_0 = version == 10;
  }
  void on_response_impl(int, beast::string_view, int, Code&) override {}

  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     Code& code) override {
    if (is_header_done())
      code = beast::http::error::bad_field;  // a trailer
    else
      request_.headers.push_back({view(name), view(value)});
  }
  void on_header_impl(Code&) override {}

  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Code&) override {
    if (length) request_.body.reserve(std::min(*length, kBodyReserve));
  }
  std::size_t on_body_impl(beast::string_view bytes, Code&) override {
    request_.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view extensions, Code& code) override {
    if (!extensions.empty()) code = beast::http::error::bad_chunk_extension;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, Code& code) override {
    return on_body_impl(bytes, code);
  }
  void on_finish_impl(Code&) override {}

  Request& request_;
};

RequestParser::RequestParser(Request& request, const ParserLimits& limits)
    : request_(request), limits_(limits), grammar_(std::make_unique<Grammar>(request)) {
  grammar_->header_limit(static_cast<std::uint32_t>(limits.header_bytes + 1));
  grammar_->body_limit(limits.body_bytes);
}

RequestParser::~RequestParser() = default;

std::size_t RequestParser::feed(std::string_view input) {
  std::size_t used = 0;
  if (state_ == State::header) used = feed_header(input);
  if (state_ == State::body) used += feed_body(input.substr(used));
  return used;
}

std::size_t RequestParser::feed_header(std::string_view input) {
  scan_lines(input);
  if (state_ == State::failed || header_end_ == 0) return 0;
  request_.head.assign(input.substr(0, header_end_));
  parse_header();
  return header_end_;
}

// Looks at each byte of the header once, as it arrives, so that garbage is refused before a line of it is
// complete.
void RequestParser::scan_lines(std::string_view input) {
  for (std::size_t i = scanned_; i < input.size() && header_end_ == 0 && state_ == State::header; ++i) {
    const auto byte = static_cast<unsigned char>(input[i]);
    const bool after_cr = i > line_start_ && input[i - 1] == '\r';
    if (i >= limits_.header_bytes) {
      if (lines_ == 0) return fail(414, "uri_too_long", "the request line is too long");
      return fail(431, "headers_too_large", "the header lines are too long together");
    }
    if (after_cr != (byte == '\n'))
      return fail(400, "bad_request", "lines of the header must end in CR LF, and neither may stand alone");
    if (byte == '\n')
      end_line(i);
    else if ((byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7f)
      return fail(400, "bad_request", "the header holds a control character");
    else if (i == line_start_ && (byte == ' ' || byte == '\t'))
      return fail(400, "bad_request", "a header line must not be folded");
    scanned_ = i + 1;
  }
}

void RequestParser::end_line(std::size_t line_end) {
  const bool empty = line_end == line_start_ + 1;
  line_start_ = line_end + 1;
  if (!empty) {
    if (++lines_ > limits_.header_count + 1)
      fail(431, "headers_too_large", "there are too many header lines");
  } else if (lines_ == 0) {
    fail(400, "bad_request", "the request line is missing");
  } else {
    header_end_ = line_end + 1;
  }
}

void RequestParser::parse_header() {
  beast::error_code code;
  grammar_->eager(false);  // the request line first, then the fields
  std::size_t used = grammar_->put(boost::asio::buffer(request_.head), code);
  if (code == beast::http::error::body_limit) return fail_too_large();
  if (code || !grammar_->is_header_done() || used != request_.head.size())
    return fail(400, "bad_request", "the request line or a header line is malformed");
  check_framing();
  if (state_ == State::header) check_host();
  if (state_ == State::header) split_target();
  if (state_ == State::failed) return;
  grammar_->eager(true);
  request_.keep_alive = grammar_->keep_alive();
  state_ = grammar_->is_done() ? State::complete : State::body;
}

void RequestParser::check_framing() {
  int lengths = 0;
  int encodings = 0;
  for (const HeaderLine& line : request_.headers) {
    if (iequals(line.name, "content-length")) {
      ++lengths;
      if (line.value.find(',') != std::string_view::npos) ++lengths;
    } else if (iequals(line.name, "transfer-encoding")) {
      ++encodings;
      if (!iequals(line.value, "chunked") || request_.http_1_0)
        return fail(400, "bad_request", "Transfer-Encoding must be chunked, and needs HTTP/1.1");
    } else if (iequals(line.name, "expect")) {
      if (!iequals(line.value, "100-continue"))
        return fail(417, "expectation_failed", "Expect may only be 100-continue");
      expects_continue_ = !request_.http_1_0;
    }
  }
  if (lengths + encodings > 1)
    fail(400, "bad_request",
         "the body's length must be given once: one Content-Length or one Transfer-Encoding");
}

void RequestParser::check_host() {
  int hosts = 0;
  for (const HeaderLine& line : request_.headers) {
    if (!iequals(line.name, "host")) continue;
    ++hosts;
    if (line.value.find_first_of(" \t,/@?#\\\"<>") != std::string_view::npos)
      return fail(400, "bad_request", "Host is malformed");
  }
  if (hosts > 1 || (hosts == 0 && !request_.http_1_0))
    fail(400, "bad_request", "exactly one Host header is needed");
}

void RequestParser::split_target() {
  const std::string_view target = request_.target;
  const bool origin_form = target.front() == '/';
  if (!origin_form && target.find("://") != std::string_view::npos)
    return fail(400, "bad_request", "the request target must be a path");
  const std::size_t mark = target.find('?');
  request_.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request_.query = target.substr(mark + 1);
}

std::size_t RequestParser::feed_body(std::string_view input) {
  if (input.empty()) return 0;
  // a first chunk that is the last: Beast takes it back after its line, and then asserts that all is there
  constexpr std::string_view kLastChunk = "0\r\n\r\n";
  if (grammar_->chunked() && input.front() == '0' && input.size() < kLastChunk.size()) return 0;
  beast::error_code code;
  const std::size_t used = grammar_->put(boost::asio::const_buffer(input.data(), input.size()), code);
  if (code == beast::http::error::body_limit)
    fail_too_large();
  else if (code && code != beast::http::error::need_more)
    fail(400, "bad_request", "the body's chunks are malformed");
  else if (grammar_->is_done())
    state_ = State::complete;
  return used;
}

void RequestParser::fail_too_large() {
  fail(413, "payload_too_large", "the body is larger than " + std::to_string(limits_.body_bytes) + " bytes");
}

void RequestParser::fail(unsigned status, std::string_view code, std::string_view message) {
  state_ = State::failed;
  failure_ = error_response(status, code, message);
  failure_.close = true;
}

}  // namespace executor::http
