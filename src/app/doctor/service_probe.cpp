// The servers that the service talks to, each asked once with a short patience.
#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/url/parse.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>

#include "app/doctor/http_probe.hpp"
#include "app/doctor/probe.hpp"
#include "app/doctor/trial_process.hpp"
#include "backend/native_start.hpp"
#include "queue/redis_connection.hpp"

namespace executor::doctor {

namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using boost::system::error_code;

constexpr std::chrono::milliseconds kPatience{1500};

/// Whether the service's address can be taken. A port of 0 always can.
Trial try_port(const Config& config) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (::getaddrinfo(config.host.c_str(), std::to_string(config.port).c_str(), &hints, &list) != 0)
    return {EADDRNOTAVAIL};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, &::freeaddrinfo);
  const UniqueFd socket(::socket(list->ai_family, list->ai_socktype | SOCK_CLOEXEC, list->ai_protocol));
  if (!socket) return {errno};
  const int yes = 1;  // as the server does: a connection in TIME_WAIT does not count
  (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(socket.get(), list->ai_addr, list->ai_addrlen) != 0) return {errno};
  return tried(::listen(socket.get(), 1));
}

/// The nearest directory that exists at or above the place of the log file: the rest is made there.
fs::path log_directory(const Config& config) {
  fs::path directory = fs::absolute(config.log_file).parent_path();
  std::error_code error;
  while (directory.has_relative_path() && !fs::exists(directory, error)) directory = directory.parent_path();
  return directory;
}

/// An existing file is asked; for a new one a file without a name is made, where the file system can.
Trial try_log(const Config& config, const fs::path& directory) {
  std::error_code error;
  if (fs::exists(config.log_file, error))
    return tried(::faccessat(AT_FDCWD, config.log_file.c_str(), W_OK, AT_EACCESS));
  const UniqueFd nameless(::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  const Trial made = tried(nameless.get());
  if (made.error != EOPNOTSUPP && made.error != EISDIR) return made;
  return tried(::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS));
}

/// Whether the user that the service becomes may change the directory of the log, or will be given it.
bool log_rotates(const Config& config, const fs::path& nearest) {
  const fs::path directory = fs::absolute(config.log_file).parent_path();
  const ServiceIds ids = service_ids();
  if (::geteuid() != 0 || ids.uid == 0)
    return ::faccessat(AT_FDCWD, nearest.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
  struct stat status {};
  if (directory.filename() == "logs" || ::stat(directory.c_str(), &status) != 0) return true;
  const mode_t wanted = status.st_uid == ids.uid ? 0300 : status.st_gid == ids.gid ? 0030 : 0003;
  return (status.st_mode & wanted) == wanted;
}

Told ask_redis(const std::string& text) {
  const auto url = parse_redis_url(text);
  if (!url) return url.error().message();
  Told answer;
  asio::io_context context;
  const auto connection = std::make_shared<RedisConnection>(
      context, RedisConnectionOptions{.url = *url, .name = "executor-doctor", .command_timeout = kPatience});
  const auto done = [&](std::string outcome) {
    answer = std::move(outcome);
    context.stop();
  };
  connection->start({.up =
                         [&] {
                           connection->send({"PING"}, [&](const Result<RedisReply>& reply) {
                             if (!reply) return done(reply.error().message());
                             done(reply->is_error() ? reply->text : std::string());
                           });
                         },
                     .down = [&](const Error& error) { done(error.message()); },
                     .message = [](const RedisReply&) {}});
  context.run_for(2 * kPatience);
  connection->close();
  if (!answer) return "no answer from " + url->describe();
  return answer;
}

Told ask_rabbitmq(const std::string& text) {
  const auto url = boost::urls::parse_uri(text);
  if (!url) return "not a URL";
  const std::string port = url->has_port()            ? std::string(url->port())
                           : url->scheme() == "amqps" ? "5671"
                                                      : "5672";
  asio::io_context context;
  asio::ip::tcp::resolver resolver(context);
  asio::ip::tcp::socket socket(context);
  Told answer;
  resolver.async_resolve(url->host_address(), port, [&](const error_code& failed, const auto& endpoints) {
    if (failed) {
      answer = failed.message();
      return;
    }
    asio::async_connect(socket, endpoints, [&](const error_code& code, const auto&) {
      answer = code ? code.message() : std::string();
    });
  });
  context.run_for(kPatience);
  return answer ? answer : Told("no answer");
}

Told ask_docker(const std::string& socket_path) {
  const auto answer = http_get_unix(socket_path, "/_ping", kPatience);
  if (!answer) return answer.error().message();
  return answer->status == 200 ? std::string() : "HTTP status " + std::to_string(answer->status);
}

bool executor_answers(const Config& config) {
  const auto answer = http_get_tcp(config.host, config.port, "/health", kPatience);
  return answer && answer->body.find("\"nativeBackend\"") != std::string::npos;
}

}  // namespace

ServiceFacts probe_service(const Config& config) {
  ServiceFacts facts;
  facts.port = try_port(config);
  if (facts.port.error == EADDRINUSE) facts.port_is_ours = executor_answers(config);
  facts.log_directory = log_directory(config).string();
  facts.log = try_log(config, facts.log_directory);
  facts.log_rotates = log_rotates(config, facts.log_directory);
  facts.redis = ask_redis(config.redis_url);
  facts.rabbitmq = ask_rabbitmq(config.rabbitmq_url);
  facts.docker = ask_docker(config.docker_socket);
  return facts;
}

}  // namespace executor::doctor
