#include "gateways/resp/resp_door.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <boost/asio/post.hpp>

#include "gateways/resp/environment.hpp"
#include "gateways/resp/keyspace_channel.hpp"
#include "gateways/resp/lane.hpp"
#include "gateways/resp/notify_flags.hpp"

namespace troupe {

using resp::environment;
using resp::lane;
using resp::lane_numbers;

namespace {

constexpr duration close_look = std::chrono::milliseconds(5);

// Counts the lanes that have closed their sessions.
class closing_lanes {
 public:
  explicit closing_lanes(std::size_t count) : closed_(count) {}

  void mark(std::size_t i) {
    const std::lock_guard lock(mutex_);
    closed_[i] = true;
    changed_.notify_all();
  }
  /// Waits until lane `i` is closed, its loop has stopped, or `until` has come.
  bool wait(std::size_t i, const boost::asio::io_context& loop, time_point until) {
    std::unique_lock lock(mutex_);
    while (!closed_[i] && !loop.stopped() && std::chrono::steady_clock::now() < until) {
      changed_.wait_for(lock, close_look);
    }
    return closed_[i];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bool> closed_;
};

}  // namespace

resp_door::resp_door(const door_context& context) : context_(context), listener_(context.io) {}

resp_door::~resp_door() { close(); }

expected<void> resp_door::open() {
  const auto cache = context_.caches.find("default");
  if (!cache) return fail(errc::not_found, "resp: there is no cache \"default\"");
  auto* channels = context_.channels;
  if (channels == nullptr) {
    own_channels_ = std::make_shared<pubsub_service>(
        pubsub_service::surroundings{context_.io, nullptr, context_.board, context_.events});
    channels = own_channels_.get();
  }
  shared_ = std::shared_ptr<environment>(new environment{
      context_.settings, context_.caches, context_.board, *cache, resp::door_numbers(context_.io.size()),
      std::chrono::steady_clock::now(), [this] { return listener_.address(); }, this, channels});
  events_ = std::make_shared<resp::keyspace_channel>(context_.io, context_.caches, *cache, *channels,
                                                     [this](const pubsub_access::batch& batch) { deliver(batch); });
  shared_->events = events_.get();
  for (std::size_t i = 0; i < context_.io.size(); ++i)
    lanes_.push_back(std::make_shared<lane>(context_.io.context(i), shared_, i));

  const auto bind = parse_bind(context_.settings.resp.bind);
  const bool protect = bind && !is_loopback(bind->address());
  auto opened = listener_.open(
      "resp.bind", context_.settings.resp.bind,
      [lanes = lanes_, protect](listener::socket s, std::size_t loop) { lanes[loop]->adopt(std::move(s), protect); });
  if (!opened) {
    lanes_.clear();
    return opened;
  }
  const auto flags = resp::parse_notify(context_.settings.resp.notify_keyspace_events).value_or(0);
  shared_->live.notify = flags;
  if (flags != 0) events_->set(flags);
  channels->on_messages([this](const pubsub_access::batch& messages) { deliver(messages); });
  register_metrics();
  return {};
}

std::string resp_door::address() const { return listener_.address(); }

void resp_door::drain(std::function<void()> done) {
  listener_.close();
  if (lanes_.empty() || closed_) return done();
  auto left = std::make_shared<std::atomic<std::size_t>>(lanes_.size());
  for (const auto& l : lanes_) {
    boost::asio::post(l->loop(), [l, left, done] {
      l->drain([left, done] {
        if (left->fetch_sub(1) == 1) done();
      });
    });
  }
}

void resp_door::close() {
  listener_.close();
  if (std::exchange(closed_, true)) return;
  if (events_ != nullptr) events_->close();
  if (shared_ != nullptr) shared_->channels->on_messages(nullptr);
  const auto& lanes = lanes_;  // stay: what their last turns ask of count() and visit()
  const auto closing = std::make_shared<closing_lanes>(lanes.size());
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    boost::asio::post(lanes[i]->loop(), [l = lanes[i], i, closing] {
      l->close_all();
      closing->mark(i);
    });
  }
  const auto until = std::chrono::steady_clock::now() + close_wait_max;
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const bool closed = closing->wait(i, lanes[i]->loop(), until);
    if (!closed && lanes[i]->loop().stopped()) lanes[i]->close_all();  // its thread is gone
  }
}

// The lanes are made before the first connection and stay until the last has ended.
void resp_door::visit(std::size_t i, std::function<void(resp::client_group&)> work) {
  boost::asio::post(lanes_[i]->loop(), [l = lanes_[i], work = std::move(work)] { work(*l); });
}

std::size_t resp_door::listeners(std::size_t i) const noexcept { return lanes_[i]->subscribers().count(); }

// Each thread that has listeners gets the whole batch.
void resp_door::deliver(const pubsub_access::batch& messages) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (listeners(i) == 0) continue;
    visit(i, [messages](resp::client_group& g) {
      for (const auto& m : *messages) g.deliver(m.kind, m.channel, m.payload);
    });
  }
}

void resp_door::register_metrics() {
  auto& m = context_.numbers;
  const auto count = [&](const char* name, const char* help, resp::tally lane_numbers::*which,
                         const metrics::labels& labels = {}) {
    m.read_counter(name, help, labels, [e = shared_, which] { return static_cast<double>(e->numbers.sum(which)); });
  };
  m.read_gauge("troupe_resp_connections_open", "RESP connections now", {},
               [e = shared_] { return static_cast<double>(e->connections_open.load(std::memory_order_relaxed)); });
  count("troupe_resp_connections_accepted_total", "RESP connections served", &lane_numbers::accepted);
  count("troupe_resp_commands_total", "RESP commands executed", &lane_numbers::commands);
  count("troupe_resp_protocol_errors_total", "RESP connections closed for what they sent",
        &lane_numbers::protocol_errors);
  count("troupe_resp_connections_refused_total", "RESP connections turned away", &lane_numbers::refused_limit,
        {{"reason", "limit"}});
  count("troupe_resp_connections_refused_total", "RESP connections turned away", &lane_numbers::refused_protected,
        {{"reason", "protected"}});
  count("troupe_resp_connections_closed_total", "RESP connections closed by this node", &lane_numbers::closed_slow,
        {{"reason", "slow"}});
  count("troupe_resp_connections_closed_total", "RESP connections closed by this node", &lane_numbers::closed_idle,
        {{"reason", "idle"}});
  count("troupe_resp_messages_total", "Messages of channels given to RESP clients", &lane_numbers::messages);
  count("troupe_resp_received_bytes_total", "Bytes received by the RESP gateway", &lane_numbers::bytes_in);
  count("troupe_resp_sent_bytes_total", "Bytes sent by the RESP gateway", &lane_numbers::bytes_out);
  m.read_counter("troupe_resp_events_dropped_total", "Keyspace events dropped because too many waited", {},
                 [events = events_] { return static_cast<double>(events->dropped()); });
  m.read_counter("troupe_resp_accept_failures_total", "Times that accepting a RESP connection failed", {},
                 [failures = listener_.accept_failures()] { return static_cast<double>(failures->load()); });
}

}  // namespace troupe
