// CAF's own remote actors (libcaf_io). Nothing but this bench links it.
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>

#include "bench/link/sides.hpp"

namespace troupe::bench {

namespace {

struct basp_config : caf::actor_system_config {
  explicit basp_config(bool tuned) {
    load<caf::io::middleman>();
    if (!tuned) return;
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{1});
  }
};

class basp_client final : public client {
 public:
  basp_client(const std::string& where, bool tuned) : config_(tuned), system_(config_) {
    auto found = system_.middleman().remote_actor("127.0.0.1", static_cast<std::uint16_t>(std::stoul(where)));
    if (found) echo_ = *found;
  }
  ~basp_client() override {
    echo_ = nullptr;
    system_.await_actors_before_shutdown(false);
  }
  double requests(int count, int window) override { return actor_requests(system_, echo_, count, window); }
  double one_way(int count) override { return actor_one_way(system_, echo_, count); }

 private:
  basp_config config_;
  caf::actor_system system_;
  caf::actor echo_;
};

}  // namespace

server serve_basp(bool tuned) {
  return [tuned](const auto& ready, const auto& ended) {
    basp_config config(tuned);
    caf::actor_system system(config);
    auto echo = spawn_echo(system);
    const auto port = system.middleman().publish(echo, 0, "127.0.0.1");
    ready(std::to_string(port ? *port : 0));
    ended();
    caf::anon_send_exit(echo, caf::exit_reason::kill);
    echo = nullptr;
    system.await_actors_before_shutdown(false);
  };
}

std::unique_ptr<client> ask_basp(const std::string& where, bool tuned) {
  return std::make_unique<basp_client>(where, tuned);
}

}  // namespace troupe::bench
