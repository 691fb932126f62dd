#include "gateways/http/door.hpp"

#include <atomic>
#include <future>

#include "actors/net/bind_address.hpp"
#include "gateways/http/backup_routes.hpp"
#include "gateways/http/cache_batch_routes.hpp"
#include "gateways/http/cache_routes.hpp"
#include "gateways/http/change_routes.hpp"
#include "gateways/http/cluster_routes.hpp"
#include "gateways/http/db_routes.hpp"
#include "gateways/http/entity_forwarder.hpp"
#include "gateways/http/entity_routes.hpp"
#include "gateways/http/event_routes.hpp"
#include "gateways/http/event_stream.hpp"
#include "gateways/http/keyring_routes.hpp"
#include "gateways/http/kvs_routes.hpp"
#include "gateways/http/lane.hpp"
#include "gateways/http/leader_routes.hpp"
#include "gateways/http/lock_routes.hpp"
#include "gateways/http/openapi.hpp"
#include "gateways/http/service_routes.hpp"
#include "gateways/http/talk_routes.hpp"

namespace troupe {

namespace {

constexpr auto close_limit = std::chrono::seconds(2);
constexpr auto close_poll = std::chrono::milliseconds(10);

// Runs `f` on the lane's thread and waits, or here when that thread runs no more.
void run_on(http_lane& lane, const std::function<void()>& f) {
  if (lane.context().stopped()) return f();
  auto done = std::make_shared<std::promise<void>>();
  auto ended = done->get_future();
  auto ran = std::make_shared<std::atomic<bool>>(false);
  const auto once = [f, ran] {
    if (!ran->exchange(true)) f();
  };
  boost::asio::post(lane.context(), [once, done] {
    once();
    done->set_value();
  });
  const auto until = std::chrono::steady_clock::now() + close_limit;
  while (ended.wait_for(close_poll) != std::future_status::ready) {
    if (!lane.context().stopped() && std::chrono::steady_clock::now() < until) continue;
    return once();
  }
}

expected<void> add_all(http_routes& to, const door_context& context,
                       const std::shared_ptr<event_stream_counts>& event_counts) {
  if (auto r = add_cluster_routes(to, context); !r) return r;
  if (auto r = add_leader_routes(to, context); !r) return r;
  if (auto r = add_lock_routes(to, context); !r) return r;
  if (auto r = add_keyring_routes(to, context.keyring); !r) return r;
  if (auto r = add_service_routes(to, context); !r) return r;
  if (auto r = add_talk_routes(to, context); !r) return r;
  if (auto r = add_cache_routes(to, context.caches, context.settings); !r) return r;
  if (auto r = add_cache_batch_routes(to, context.caches, context.settings); !r) return r;
  if (auto r = add_change_routes(to, context.caches); !r) return r;
  if (auto r = add_backup_routes(to, context.caches, context.settings); !r) return r;
  if (auto r = add_kvs_routes(to, context.kvs); !r) return r;
  if (auto r = add_db_routes(to, context.databases); !r) return r;
  std::shared_ptr<entity_forwarder> forwarder;
  if (context.link != nullptr) {
    forwarder = std::make_shared<entity_forwarder>(*context.link, context.board, context.settings.entities.deadline);
    forwarder->register_metrics(context.numbers);
  }
  if (auto r = add_entity_routes(to, context.entities, forwarder); !r) return r;
  if (auto r = add_entity_switch_route(to, context.entities); !r) return r;
  if (auto r = add_event_routes(to, context.events, event_counts); !r) return r;
  return add_description_routes(to);
}

}  // namespace

http_door::http_door(door_context context)
    : context_(std::move(context)),
      event_counts_(std::make_shared<event_stream_counts>()),
      routes_added_(add_all(routes_, context_, event_counts_)),
      listener_(context_.io) {}

http_door::~http_door() { close(); }

expected<void> http_door::open() {
  if (!routes_added_) return routes_added_;
  const http_config& settings = context_.settings.http;
  const auto bound = parse_bind(settings.bind);
  shared_ = std::make_shared<http_shared>(routes_, settings, bound && is_loopback(bound->address()));
  for (std::size_t i = 0; i < context_.io.size(); ++i) {
    lanes_.push_back(std::make_shared<http_lane>(context_.io.context(i), shared_));
  }
  auto opened = listener_.open("http.bind", settings.bind, [lanes = lanes_](listener::socket socket, std::size_t loop) {
    lanes[loop]->accept(std::move(socket));
  });
  if (!opened) {
    lanes_.clear();
    return opened;
  }
  expose_numbers();
  return {};
}

std::string http_door::address() const { return listener_.address(); }

void http_door::expose_numbers() {
  std::vector<std::shared_ptr<http_counts>> counts;
  for (const auto& lane : lanes_) counts.push_back(lane->counts_kept());
  expose_counts(context_.numbers, std::move(counts));
  context_.numbers.read_gauge("troupe_http_connections", "Connections open now", {}, [shared = shared_] {
    return static_cast<double>(shared->connections.load(std::memory_order_relaxed));
  });
  context_.numbers.read_gauge("troupe_http_event_streams", "Clients of the event stream now", {}, [c = event_counts_] {
    return static_cast<double>(c->open.load(std::memory_order_relaxed));
  });
  context_.numbers.read_counter("troupe_http_events_sent_total", "Events sent to clients", {}, [c = event_counts_] {
    return static_cast<double>(c->sent.load(std::memory_order_relaxed));
  });
  context_.numbers.read_counter(
      "troupe_http_event_streams_overrun_total", "Event streams ended because the client did not keep up", {},
      [c = event_counts_] { return static_cast<double>(c->overrun.load(std::memory_order_relaxed)); });
}

void http_door::drain(std::function<void()> done) {
  listener_.close();
  if (lanes_.empty()) return done();
  const auto left = std::make_shared<std::atomic<std::size_t>>(lanes_.size());
  for (const auto& lane : lanes_) {
    lane->gate()->post([lane, left, done] {
      lane->drain([left, done] {
        if (left->fetch_sub(1) == 1) done();
      });
    });
  }
}

void http_door::close() {
  listener_.close();
  for (const auto& lane : lanes_) {
    run_on(*lane, [lane] { lane->close(); });
  }
  lanes_.clear();
}

}  // namespace troupe
