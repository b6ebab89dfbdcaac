// list_network PID: what the network namespace of a process holds, as JSON:
//   {"links": [{"name", "up"}], "addresses": n, "routes": n}
// Exit status 1 with a message when the kernel does not say.
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/route.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/sys.hpp"

namespace {

void require(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::exit(1);
}

using Cache = std::unique_ptr<nl_cache, decltype(&nl_cache_free)>;

nlohmann::json links(nl_sock* socket) {
  nl_cache* raw = nullptr;
  require(rtnl_link_alloc_cache(socket, AF_UNSPEC, &raw) == 0, "list links");
  const Cache cache(raw, &nl_cache_free);
  nlohmann::json found = nlohmann::json::array();
  for (nl_object* object = nl_cache_get_first(raw); object != nullptr; object = nl_cache_get_next(object)) {
    auto* const link = reinterpret_cast<rtnl_link*>(object);
    found.push_back({{"name", rtnl_link_get_name(link)}, {"up", (rtnl_link_get_flags(link) & IFF_UP) != 0}});
  }
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: list_network PID\n", stderr);
    return 2;
  }
  const auto process = executor::sys::pidfd_open(std::atoi(argv[1]));
  require(process && ::setns(process->get(), CLONE_NEWNET) == 0, "join network namespace");
  const std::unique_ptr<nl_sock, decltype(&nl_socket_free)> socket(nl_socket_alloc(), &nl_socket_free);
  require(socket && nl_connect(socket.get(), NETLINK_ROUTE) == 0, "connect to rtnetlink");
  nl_cache* addresses = nullptr;
  nl_cache* routes = nullptr;
  require(rtnl_addr_alloc_cache(socket.get(), &addresses) == 0, "list addresses");
  const Cache address_cache(addresses, &nl_cache_free);
  require(rtnl_route_alloc_cache(socket.get(), AF_UNSPEC, 0, &routes) == 0, "list routes");
  const Cache route_cache(routes, &nl_cache_free);
  const nlohmann::json answer = {{"links", links(socket.get())},
                                 {"addresses", nl_cache_nitems(addresses)},
                                 {"routes", nl_cache_nitems(routes)}};
  std::puts(answer.dump().c_str());
  return 0;
}
