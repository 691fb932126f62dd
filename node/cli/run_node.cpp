#include "node/cli/run_node.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <troupe/node.hpp>

#include "node/cli/exit_code.hpp"

namespace troupe::cli {

namespace {

namespace asio = boost::asio;

// Beyond the drain itself: stopping actors, threads and the database.
constexpr duration watchdog_margin = std::chrono::seconds(3);

std::string port_of(const std::string& address) { return address.substr(address.rfind(':') + 1); }

void print_welcome(const node& n, const std::string& program) {
  const auto a = n.addresses();
  std::printf("troupe node %s is ready\n", n.settings().node.name.c_str());
  if (!a.http.empty()) std::printf("  http     http://%s\n", a.http.c_str());
  if (!a.resp.empty()) std::printf("  resp     %s\n", a.resp.c_str());
  std::printf("  cluster  %s\n", a.cluster.c_str());
  if (!a.http.empty()) {
    std::printf("Try:\n  curl -X PUT --data-binary hello http://%s/v1/cache/default/greeting\n", a.http.c_str());
    if (!a.resp.empty()) std::printf("  redis-cli -p %s GET greeting\n", port_of(a.resp).c_str());
    std::printf("  %s get greeting --http http://%s\n", program.c_str(), a.http.c_str());
  }
  std::fflush(stdout);
}

// Waits for signals and for the node's own wish to leave, on the main thread, from before the node starts: who asks for
// an end meanwhile gets a departure as soon as it has started, and who asks again an end at once.
class keeper {
 public:
  explicit keeper(std::string program) : program_(std::move(program)), signals_(loop_, SIGTERM, SIGINT, SIGHUP) {
    if (::getpid() == 1) {
      orphans_.emplace(loop_, SIGCHLD);
      reap();
    }
    wait_for_signal();
  }

  ~keeper() {
    if (starter_.joinable()) starter_.join();
    if (leaver_.joinable()) leaver_.join();
  }

  int run(config settings) {
    starter_ = std::thread([this, c = std::move(settings)]() mutable {
      auto started = std::make_shared<expected<node>>(node::start(std::move(c)));
      asio::post(loop_, [this, started] { on_started(std::move(*started)); });
    });
    loop_.run();
    return exit_code_;
  }

 private:
  void on_started(expected<node> started) {
    if (!started) {
      const auto& why = started.error();  // its context says more than the code
      std::fprintf(stderr, "troupe: %s\n", why.context.empty() ? describe(why).c_str() : why.context.c_str());
      exit_code_ = exit_code_of(why.code);
      return loop_.stop();
    }
    node_.emplace(std::move(*started));
    print_welcome(*node_, program_);
    node_->on_event([this](const event& e) {
      if (e.kind == "leave_requested") asio::post(loop_, [this] { begin_leave(); });
    });
    if (end_asked_ || node_->leave_requested()) begin_leave();  // before we listened
  }

  void wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code failed, int signal) {
      if (failed) return;
      if (std::exchange(end_asked_, true) || leaver_.joinable()) std::_Exit(128 + signal);
      if (node_) begin_leave();
      wait_for_signal();
    });
  }

  void begin_leave() {
    if (leaver_.joinable()) return;
    watchdog_.expires_after(node_->settings().node.drain_timeout + watchdog_margin);
    watchdog_.async_wait([](boost::system::error_code cancelled) {
      if (cancelled) return;
      std::fprintf(stderr, "troupe: the departure hangs, giving up\n");
      std::_Exit(exit_self_check);
    });
    leaver_ = std::thread([this] {
      const auto left = node_->leave();
      if (!left) std::fprintf(stderr, "troupe: %s\n", describe(left.error()).c_str());
      loop_.stop();
    });
  }

  void reap() {
    orphans_->async_wait([this](boost::system::error_code failed, int) {
      if (failed) return;
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
      reap();
    });
  }

  const std::string program_;
  asio::io_context loop_{1};
  std::optional<node> node_;  // once it has started
  asio::signal_set signals_;
  std::optional<asio::signal_set> orphans_;
  asio::steady_timer watchdog_{loop_};
  std::thread starter_;
  std::thread leaver_;
  bool end_asked_ = false;  // by a signal
  int exit_code_ = exit_done;
};

}  // namespace

int run_node(const config_sources& sources, const std::string& program) {
  std::signal(SIGPIPE, SIG_IGN);
  auto settings = load_config(sources);
  if (!settings) {
    std::fprintf(stderr, "%s\n", settings.error().context.c_str());
    return exit_bad_config;
  }
  return keeper(program).run(std::move(*settings));
}

}  // namespace troupe::cli
