// Status codes with their reason phrases, and the line of the Date header.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

namespace executor::http {

/// "404 Not Found".
std::string status_line(unsigned status);

/// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", made once a second.
class DateLine {
 public:
  std::string_view at(std::time_t now);

 private:
  std::time_t second_ = -1;
  std::string line_{};
};

}  // namespace executor::http
