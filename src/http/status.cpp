#include "http/status.hpp"

#include <array>
#include <ostream>  // Boost 1.81's string_view prints itself without including this

#include <boost/beast/http/status.hpp>

namespace executor::http {

std::string status_line(unsigned status) {
  const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
  return std::to_string(status) + " " + std::string(reason.data(), reason.size());
}

std::string_view DateLine::at(std::time_t now) {
  if (now == second_) return line_;
  second_ = now;
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 64> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
  line_.assign(text.data(), size);
  return line_;
}

}  // namespace executor::http
