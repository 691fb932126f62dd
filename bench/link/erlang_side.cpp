// Erlang's own distribution: both halves are processes of erlang_side.escript, which answers seconds.
#include <cstdio>
#include <cstdlib>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/link/child_process.hpp"
#include "bench/link/sides.hpp"

namespace troupe::bench {

namespace {

constexpr const char* script = TROUPE_BENCH_LINK_DIR "/erlang_side.escript";

// Free a moment ago; Erlang has no way to say which one it took.
std::string free_port() {
  const int s = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  if (::bind(s, reinterpret_cast<sockaddr*>(&where), size) != 0 ||
      ::getsockname(s, reinterpret_cast<sockaddr*>(&where), &size) != 0)
    std::exit(1);
  ::close(s);
  return std::to_string(ntohs(where.sin_port));
}

// The flags of a node are in the environment of its script.
child_process start(const std::string& name, const std::string& port, const std::string& more) {
  const auto flags = "-name " + name + "@127.0.0.1 -setcookie bench -start_epmd false -erl_epmd_port " + port + more;
  ::setenv("ERL_FLAGS", flags.c_str(), 1);
  return child_process({script, name});
}

class erlang_client final : public client {
 public:
  explicit erlang_client(const std::string& port) : process_(start("client", port, " -dist_listen false")) {}

  double requests(int count, int window) override {
    return ask("requests " + std::to_string(count) + " " + std::to_string(window) + "\n");
  }
  double one_way(int count) override { return ask("one_way " + std::to_string(count) + "\n"); }

 private:
  double ask(const std::string& what) {
    const auto line = process_.write(what) ? process_.read_line() : "";
    if (!line.empty()) return std::stod(line);
    std::printf("Erlang gave no answer\n");
    std::exit(1);
  }

  child_process process_;
};

}  // namespace

bool has_erlang() { return std::system("command -v escript >/dev/null 2>&1") == 0; }

server serve_erlang() {
  return [](const auto& ready, const auto& ended) {
    const auto port = free_port();
    const auto process = start("server", port, " -kernel inet_dist_use_interface {127,0,0,1}");
    if (!process.read_line().empty()) ready(port);
    ended();
  };
}

std::unique_ptr<client> ask_erlang(const std::string& where) { return std::make_unique<erlang_client>(where); }

}  // namespace troupe::bench
