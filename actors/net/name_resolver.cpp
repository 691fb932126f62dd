#include "actors/net/name_resolver.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/base/check.hpp"

namespace troupe {

namespace {

constexpr int class_internet = 1;
constexpr int type_srv = 33;
constexpr int wait_max_ms = 1000;  // between two looks at timeouts

error error_of(int status, const std::string& name) {
  const bool nothing = status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME;
  return {nothing ? errc::not_found : errc::unavailable, name + ": " + ares_strerror(status)};
}

std::string text_of(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address->sa_family == AF_INET) bytes = &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
  if (address->sa_family == AF_INET6) bytes = &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  if (bytes == nullptr) return {};
  return ::inet_ntop(address->sa_family, bytes, text.data(), text.size()) == nullptr ? std::string() : text.data();
}

}  // namespace

// The channel of c-ares with its sockets, polled by whoever asks.
class name_resolver::core {
 public:
  core() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { TROUPE_CHECK(wake_ >= 0); }
  ~core() {
    if (channel_ != nullptr) ares_destroy(channel_);
    ::close(wake_);
  }
  core(const core&) = delete;
  core& operator=(const core&) = delete;

  expected<void> open(const std::string& server) {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    if (library != ARES_SUCCESS) return fail(errc::unavailable, ares_strerror(library));
    ares_options options{};
    options.timeout = try_timeout_ms;
    options.tries = tries;
    const int made = ares_init_options(&channel_, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (made != ARES_SUCCESS) return fail(errc::unavailable, ares_strerror(made));
    if (server.empty()) return {};
    const int set = ares_set_servers_ports_csv(channel_, server.c_str());
    if (set != ARES_SUCCESS) return fail(errc::invalid_argument, "cluster.dns_server " + server + " is no address");
    return {};
  }

  void cancel() {
    cancelled_ = true;
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
  }

  [[nodiscard]] ares_channel channel() const noexcept { return channel_; }

  // Until `done`; a question is always answered, at the latest by ares_cancel.
  void run(const bool& done) {
    while (!done) {
      if (cancelled_) ares_cancel(channel_);
      if (done) return;
      step();
    }
  }

 private:
  void step() {
    std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
    const int wanted = ares_getsock(channel_, sockets.data(), ARES_GETSOCK_MAXNUM);
    std::array<pollfd, ARES_GETSOCK_MAXNUM + 1> watched{};
    nfds_t count = 0;
    watched[count++] = {wake_, POLLIN, 0};
    for (int i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
      short events = 0;
      if (ARES_GETSOCK_READABLE(wanted, i)) events |= POLLIN;
      if (ARES_GETSOCK_WRITABLE(wanted, i)) events |= POLLOUT;
      if (events != 0) watched[count++] = {sockets[static_cast<std::size_t>(i)], events, 0};
    }
    timeval longest{0, wait_max_ms * 1000};
    timeval left{};
    const timeval* wait = ares_timeout(channel_, &longest, &left);
    const int ready = ::poll(watched.data(), count, static_cast<int>(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1));
    bool any = false;
    for (nfds_t i = 1; ready > 0 && i < count; ++i) {
      const auto& w = watched[i];
      if (w.revents == 0) continue;
      any = true;
      ares_process_fd(channel_, (w.revents & ~POLLOUT) != 0 ? w.fd : ARES_SOCKET_BAD,
                      (w.revents & POLLOUT) != 0 ? w.fd : ARES_SOCKET_BAD);
    }
    if (!any) ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  }

  const int wake_;
  ares_channel channel_ = nullptr;
  std::atomic<bool> cancelled_{false};
};

name_resolver::name_resolver(std::unique_ptr<core> c) : core_(std::move(c)) {}
name_resolver::~name_resolver() = default;

expected<std::unique_ptr<name_resolver>> name_resolver::make(const std::string& server) {
  auto c = std::make_unique<core>();
  if (auto opened = c->open(server); !opened) return tl::unexpected(std::move(opened.error()));
  return std::unique_ptr<name_resolver>(new name_resolver(std::move(c)));
}

void name_resolver::cancel() { core_->cancel(); }

expected<std::vector<std::string>> name_resolver::addresses_of(const std::string& host) {
  struct question {
    bool done = false;
    int status = ARES_SUCCESS;
    std::vector<std::string> found;
  } q;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  const auto on_answer = [](void* into, int status, int, ares_addrinfo* answer) {
    auto& asked = *static_cast<question*>(into);
    asked.status = status;
    for (auto* node = answer == nullptr ? nullptr : answer->nodes; node != nullptr; node = node->ai_next) {
      auto text = text_of(node->ai_addr);
      if (!text.empty() && asked.found.size() < answers_max) asked.found.push_back(std::move(text));
    }
    if (answer != nullptr) ares_freeaddrinfo(answer);
    asked.done = true;
  };
  ares_getaddrinfo(core_->channel(), host.c_str(), nullptr, &hints, on_answer, &q);
  core_->run(q.done);
  if (q.status != ARES_SUCCESS) return tl::unexpected(error_of(q.status, host));
  std::sort(q.found.begin(), q.found.end());
  q.found.erase(std::unique(q.found.begin(), q.found.end()), q.found.end());
  if (q.found.empty()) return fail(errc::not_found, host + " has no address");
  return std::move(q.found);
}

expected<std::vector<name_resolver::service>> name_resolver::services_of(const std::string& name) {
  struct question {
    bool done = false;
    int status = ARES_SUCCESS;
    std::vector<service> found;
  } q;
  const auto on_answer = [](void* into, int status, int, unsigned char* bytes, int size) {
    auto& asked = *static_cast<question*>(into);
    ares_srv_reply* all = nullptr;
    asked.status = status == ARES_SUCCESS ? ares_parse_srv_reply(bytes, size, &all) : status;
    for (const auto* row = all; row != nullptr && asked.found.size() < answers_max; row = row->next) {
      // The root as target says that the service is not offered here (RFC 2782).
      const std::string host = row->host == nullptr ? "" : row->host;
      if (!host.empty() && host != "." && row->port != 0) asked.found.push_back({host, row->port});
    }
    if (all != nullptr) ares_free_data(all);
    asked.done = true;
  };
  ares_search(core_->channel(), name.c_str(), class_internet, type_srv, on_answer, &q);
  core_->run(q.done);
  if (q.status != ARES_SUCCESS) return tl::unexpected(error_of(q.status, name));
  if (q.found.empty()) return fail(errc::not_found, name + " names no server");
  return std::move(q.found);
}

}  // namespace troupe
