#include "http/endpoint.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace executor::http {

namespace {

// The text that stands for the pattern's segment in braces, "" where the pattern has none; nothing where they
// differ.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const std::size_t brace = pattern.find('{');
  if (brace == std::string_view::npos)
    return pattern == path ? std::optional<std::string_view>("") : std::nullopt;
  const std::string_view behind = pattern.substr(pattern.find('}') + 1);
  if (!path.starts_with(pattern.substr(0, brace)) || !path.ends_with(behind) ||
      path.size() < brace + behind.size())
    return std::nullopt;
  const std::string_view segment = path.substr(brace, path.size() - brace - behind.size());
  if (segment.empty() || segment.find('/') != std::string_view::npos) return std::nullopt;
  return segment;
}

Response method_not_allowed(const std::string& allowed) {
  Response response = error_response(405, "method_not_allowed", "this path takes " + allowed);
  response.headers = "Allow: " + allowed + "\r\n";
  return response;
}

void append_method(std::string& list, std::string_view method) {
  if (!list.empty()) list += ", ";
  list += method;
}

}  // namespace

void Exchange::respond(Response response) {
  if (std::exchange(answered_, true)) return;
  gone_ = nullptr;
  stream_ = {};
  if (const Send send = std::exchange(send_, nullptr)) send(std::move(response));
}

void Exchange::begin(Response head) {
  if (std::exchange(answered_, true)) return;
  send_ = nullptr;
  if (stream_.begin) stream_.begin(std::move(head));
}

void Exchange::add(std::string piece) {
  const auto add = stream_.add;  // a client that does not keep up leaves in the midst of this
  if (add) add(std::move(piece));
}

void Exchange::finish() {
  gone_ = nullptr;
  if (const auto finish = std::exchange(stream_, {}).finish) finish();
}

void Exchange::client_left() {
  send_ = nullptr;
  stream_ = {};
  if (const auto gone = std::exchange(gone_, nullptr)) gone();
}

void EndpointTable::dispatch(const ExchangePtr& exchange) const {
  Request& request = exchange->request();
  std::string allowed;
  for (const Endpoint& endpoint : endpoints_) {
    const auto parameter = match(endpoint.path, request.path);
    if (!parameter) continue;
    if (endpoint.method == request.method) {
      request.parameter = *parameter;
      return endpoint.handler(exchange);
    }
    append_method(allowed, endpoint.method);
  }
  if (!allowed.empty()) return exchange->respond(method_not_allowed(allowed));
  // "OPTIONS *" and "CONNECT host:port" name no path, so the method is what is wrong with them
  if (!request.path.starts_with('/')) return exchange->respond(method_not_allowed("GET, POST"));
  exchange->respond(error_response(404, "not_found", "there is nothing at this path"));
}

}  // namespace executor::http
