#include <doctest/doctest.h>

#include "queue/redis_connection.hpp"
#include "queue/redis_url.hpp"

using namespace executor;
using Transport = RedisUrl::Transport;

namespace {

RedisUrl good(std::string_view text) {
  const auto url = parse_redis_url(text);
  REQUIRE_MESSAGE(url.has_value(), text);
  return *url;
}

std::string problem(std::string_view text) {
  const auto url = parse_redis_url(text);
  REQUIRE_MESSAGE(!url.has_value(), text);
  CHECK(url.error().code == std::make_error_code(std::errc::invalid_argument));
  return url.error().message();
}

bool mentions(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a plain Redis URL takes the usual port and database") {
  const RedisUrl url = good("redis://localhost");
  CHECK(url.transport == Transport::tcp);
  CHECK(url.host == "localhost");
  CHECK(url.port == 6379);
  CHECK(url.db == 0);
  CHECK(url.password.empty());
  CHECK(good("redis://localhost:6379/") == url);
}

TEST_CASE("a Redis URL carries user, password, port and database") {
  const RedisUrl url = good("redis://joe:s%40cret%3A@10.0.0.7:6380/12");
  CHECK(url.user == "joe");
  CHECK(url.password == "s@cret:");
  CHECK(url.host == "10.0.0.7");
  CHECK(url.port == 6380);
  CHECK(url.db == 12);
}

TEST_CASE("a password may stand without a user") {
  const RedisUrl url = good("redis://:hunter2@h");
  CHECK(url.user.empty());
  CHECK(url.password == "hunter2");
}

TEST_CASE("an IPv6 host is kept without its brackets and described with them") {
  const RedisUrl url = good("redis://[::1]:7000");
  CHECK(url.host == "::1");
  CHECK(url.describe() == "redis://[::1]:7000");
}

TEST_CASE("rediss verifies the peer unless told otherwise") {
  CHECK(good("rediss://h").transport == Transport::tls);
  CHECK(good("rediss://h").verify_peer);
  const RedisUrl url = good("rediss://h:1?ca=/etc/ca.pem&cert=/c&key=/k&verify=none");
  CHECK(url.ca_file == "/etc/ca.pem");
  CHECK(url.certificate_file == "/c");
  CHECK(url.key_file == "/k");
  CHECK_FALSE(url.verify_peer);
  CHECK(mentions(problem("rediss://h?verify=maybe"), "verify must be peer or none"));
}

TEST_CASE("a unix socket URL has a path, and takes credentials as parameters") {
  const RedisUrl url = good("unix:///run/redis/r.sock?db=3&user=u&password=p%20w");
  CHECK(url.transport == Transport::unix_socket);
  CHECK(url.path == "/run/redis/r.sock");
  CHECK(url.db == 3);
  CHECK(url.user == "u");
  CHECK(url.password == "p w");
  CHECK(url.describe() == "unix:///run/redis/r.sock?db=3");
  CHECK(mentions(problem("unix://host/path"), "takes no host"));
  CHECK(mentions(problem("unix://"), "needs the socket's path"));
}

TEST_CASE("a malformed Redis URL is refused with what is wrong") {
  CHECK(mentions(problem("localhost:6379"), "scheme must be"));
  CHECK(mentions(problem(""), "not of the form"));
  CHECK(mentions(problem("http://h"), "scheme must be"));
  CHECK(mentions(problem("redis://"), "host is missing"));
  CHECK(mentions(problem("redis://h:0"), "port must be"));
  CHECK(mentions(problem("redis://h:65536"), "port must be"));
  CHECK(mentions(problem("redis://h/x"), "database must be"));
  CHECK(mentions(problem("redis://h/-1"), "database must be"));
  CHECK(mentions(problem("redis://h/1/2"), "database must be"));
  CHECK(mentions(problem("redis://h?ca=x"), "not known for this scheme"));
  CHECK(mentions(problem("redis://h?timeout=1"), "not known for this scheme"));
  CHECK(mentions(problem("redis://h#x"), "fragment"));
  CHECK(mentions(problem("redis://user@h"), "needs a password"));
}

TEST_CASE("neither the description nor an error shows credentials") {
  CHECK(good("redis://joe:hunter2@h:1/2").describe() == "redis://h:1/2");
  CHECK(good("rediss://joe:hunter2@h").describe() == "rediss://h:6379");
  for (const char* text : {"redis://joe:hunter2@h/x", "redis://joe:hunter2@h:99999", "http://joe:hunter2@h",
                           "redis://joe:hunter2@h#hunter2", "redis://joe:hunter2@ h"}) {
    CHECK_FALSE(mentions(problem(text), "hunter2"));
  }
}

TEST_CASE("a connection introduces itself with what the URL gives") {
  CHECK(redis_introduction(good("redis://h")) == std::vector<RedisCommand>{{"SELECT", "0"}});
  CHECK(redis_introduction(good("redis://:p@h/4")) ==
        std::vector<RedisCommand>{{"AUTH", "p"}, {"SELECT", "4"}});
  CHECK(redis_introduction(good("redis://u:p@h")) ==
        std::vector<RedisCommand>{{"AUTH", "u", "p"}, {"SELECT", "0"}});
}
