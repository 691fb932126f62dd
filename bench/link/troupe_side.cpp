#include <chrono>
#include <future>
#include <mutex>

#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include "actors/link/actor_directory.hpp"
#include "bench/link/sides.hpp"

namespace troupe::bench {

namespace {

struct system_config : caf::actor_system_config {
  system_config() {
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
  }
};

struct node {
  peer_identity self;
  std::shared_ptr<event_log> log = event_log::none();
  system_config config;
  caf::actor_system system{config};
  io_pool io{1};
  std::shared_ptr<link_table> link;
  std::shared_ptr<actor_directory> actors;

  node(const std::string& name, std::uint64_t id) : self{name, {id, id}, {}} {
    link_settings settings;
    settings.secret = "bench";
    link = std::make_shared<link_table>(io, *log, settings);
    actors = actor_directory::open(system, link, io.context(0));
    link->handle_requests(link_request_kind::cache,
                          [](const link_request& r, link_responder responder) { responder.answer(r.body); });
    (void)link->bind("127.0.0.1:0");
    self.address = link->address();
    link->start(self);
    io.start();
  }
  ~node() {
    io.stop();
    actors->close();
    system.await_actors_before_shutdown(false);
    link.reset();
  }
};

const incarnation_id server_id{2, 2};

class actor_client final : public client {
 public:
  explicit actor_client(const std::string& where) {
    auto found = node_.actors->find({where, server_id}, "echo");
    if (found) echo_ = *found;
  }
  ~actor_client() override { echo_ = nullptr; }
  double requests(int count, int window) override { return actor_requests(node_.system, echo_, count, window); }
  double one_way(int count) override { return actor_one_way(node_.system, echo_, count); }

 private:
  node node_{"client", 1};
  caf::actor echo_;
};

// The link's own requests, as the cache forwards its batches.
class request_client final : public client {
 public:
  explicit request_client(const std::string& where) : target_{where, server_id} {}

  double requests(int count, int window) override {
    unsent_ = count;
    unanswered_ = count;
    done_ = std::promise<void>();
    auto finished = done_.get_future();
    return seconds_of([&] {
      for (int i = 0; i < window; ++i) ask_next();
      finished.wait();
    });
  }
  double one_way(int) override { return 0; }

 private:
  void ask_next() {
    {
      const std::lock_guard lock(mutex_);
      if (unsent_ == 0) return;
      --unsent_;
    }
    node_.link->request(target_, link_request_kind::cache, payload_, std::chrono::steady_clock::now() + deadline,
                        [this](const auto&) {
                          bool last = false;
                          {
                            const std::lock_guard lock(mutex_);
                            last = --unanswered_ == 0;
                          }
                          if (last)
                            done_.set_value();
                          else
                            ask_next();
                        });
  }

  static constexpr auto deadline = std::chrono::seconds(30);

  node node_{"client", 1};
  link_target target_;
  const std::string payload_ = std::string(payload_size, 'x');
  std::mutex mutex_;
  int unsent_ = 0;
  int unanswered_ = 0;
  std::promise<void> done_;
};

}  // namespace

server serve_troupe() {
  return [](const auto& ready, const auto& ended) {
    node n("server", server_id.high);
    auto echo = spawn_echo(n.system);
    (void)n.actors->publish("echo", echo);
    ready(n.self.address);
    ended();
    caf::anon_send_exit(echo, caf::exit_reason::kill);
  };
}

std::unique_ptr<client> ask_troupe_actor(const std::string& where) { return std::make_unique<actor_client>(where); }

std::unique_ptr<client> ask_troupe_request(const std::string& where) { return std::make_unique<request_client>(where); }

}  // namespace troupe::bench
