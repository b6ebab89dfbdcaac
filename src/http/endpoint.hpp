// The table of what the server answers: one line per method and path.
//
// A handler gets an Exchange and calls respond() on it, at once or later. A path may end in one "{name}"
// segment, also in its middle, whose text the handler finds in request().parameter.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"

namespace executor::http {

/// One request and the place for its answer. Shared between the connection and the handler; the answer of an
/// exchange whose client has left goes nowhere.
class Exchange {
 public:
  using Send = std::function<void(Response)>;

  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] const Request& request() const { return request_; }
  [[nodiscard]] Request& request() { return request_; }

  /// Sends the answer; only the first call counts.
  void respond(Response response);
  [[nodiscard]] bool answered() const { return answered_; }

  /// Begins an answer that comes piece by piece and ends with its connection; the head's body is its first
  /// piece. A client that does not keep up is cut off.
  void begin(Response head);
  void add(std::string piece);
  void finish();

  /// `gone` is called at most once, when the client leaves before the answer or its last piece.
  void on_gone(std::function<void()> gone) { gone_ = std::move(gone); }

  // -- the connection's side
  void set_send(Send send) { send_ = std::move(send); }
  struct Stream {
    Send begin{};
    std::function<void(std::string)> add{};
    std::function<void()> finish{};
  };
  void set_stream(Stream stream) { stream_ = std::move(stream); }
  void client_left();

 private:
  Request request_{};
  Send send_{};
  Stream stream_{};
  std::function<void()> gone_{};
  bool answered_ = false;
};

using ExchangePtr = std::shared_ptr<Exchange>;

struct Endpoint {
  std::string_view method;
  std::string_view path;  ///< "/health", or "/jobs/{id}"
  std::function<void(const ExchangePtr&)> handler;
};

class EndpointTable {
 public:
  EndpointTable() = default;
  explicit EndpointTable(std::vector<Endpoint> endpoints) : endpoints_(std::move(endpoints)) {}

  void add(Endpoint endpoint) { endpoints_.push_back(std::move(endpoint)); }

  /// Calls the handler, or answers 404 for a path and 405 with Allow for a method that the table does not
  /// hold.
  void dispatch(const ExchangePtr& exchange) const;

 private:
  std::vector<Endpoint> endpoints_{};
};

}  // namespace executor::http
