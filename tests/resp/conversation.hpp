// A connection without a socket, and a cache whose answers come when the test says so.
#pragma once

#include <deque>
#include <string>
#include <utility>

#include "actors/pubsub/pubsub_service.hpp"
#include "gateways/resp/connection.hpp"
#include "gateways/resp/lane_subscribers.hpp"
#include "tests/resp/map_cache.hpp"

namespace troupe::resp {

/// Keys that start with "far:" live elsewhere: try_now refuses them, and the answer to submit waits
/// for answer(). The command itself is carried out in the order of submission.
class far_cache : public map_cache {
 public:
  [[nodiscard]] bool try_now(const cache_command& c, time_point at, visitor visit) override {
    if (all_far || is_far(c.key)) return false;
    ++done_now;
    return map_cache::try_now(c, at, visit);
  }

  void submit(const cache_command& c, time_point, reply_callback done) override {
    ++submitted;
    auto reply = refusal.code == errc::ok ? answer_to(c, now) : refusal;
    if (!all_far && !is_far(c.key)) return done(std::move(reply));
    waiting.emplace_back(std::move(done), std::move(reply));
  }

  [[nodiscard]] std::uint64_t topology_version() const noexcept override { return topology; }

  /// Gives the i-th waiting answer.
  void answer(std::size_t i = 0) {
    auto [done, reply] = std::move(waiting[i]);
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(i));
    done(std::move(reply));
  }
  void answer_all() {
    while (!waiting.empty()) answer();
  }

  bool all_far = false;
  owned_reply refusal;  // what every submitted command gets, when its code is not ok
  time_point now{};
  std::uint64_t topology = 1;
  int submitted = 0;
  int done_now = 0;
  std::deque<std::pair<reply_callback, owned_reply>> waiting;

 private:
  static bool is_far(std::string_view key) { return key.starts_with("far:"); }
};

/// "SET a b" as an array of bulk strings.
inline std::string request(std::initializer_list<std::string_view> words) {
  std::string text = "*" + std::to_string(words.size()) + "\r\n";
  for (const auto w : words) text.append("$" + std::to_string(w.size()) + "\r\n").append(w).append("\r\n");
  return text;
}

class conversation : public completion_gate, public client_groups, public client_group {
 public:
  conversation()
      : shared{settings,
               cache,
               board,
               *cache.find("default"),
               door_numbers(1),
               time_point{},
               [] { return std::string("127.0.0.1:6380"); },
               this,
               channels.get()},
        connection_(shared, shared.numbers.of(0), *this) {}

  reply_callback callback_for(std::uint64_t slot) override {
    return [this, slot](owned_reply answer) { connection_.complete(slot, std::move(answer)); };
  }

  // A door of one client.
  void end() override { ended = true; }
  void run_again_at(time_point until) override { again_at = until; }
  [[nodiscard]] socket_state socket() const override {
    socket_state s;
    s.peer = "127.0.0.1:50000";
    s.local = "127.0.0.1:6380";
    s.descriptor = 9;
    return s;
  }
  [[nodiscard]] std::size_t count() const noexcept override { return 1; }
  void visit(std::size_t, std::function<void(client_group&)> work) override { work(*this); }
  void each(function_ref<void(connection&)> f) override { f(connection_); }
  void look_at_paused() override { again_at = time_point{}; }
  void deliver(pubsub::topic_kind kind, std::string_view channel, std::string_view payload) override {
    subscribed.deliver(kind, channel, payload);
  }
  [[nodiscard]] std::size_t listeners(std::size_t) const noexcept override { return subscribed.count(); }
  [[nodiscard]] lane_subscribers* subscribers() override { return &subscribed; }

  /// Receives bytes and executes what is complete; returns what came out.
  std::string say(std::string_view bytes) {
    input.append(bytes);
    return go_on();
  }
  std::string say(std::initializer_list<std::string_view> words) { return say(request(words)); }

  std::string go_on() {
    do {
      result = connection_.run(input, now);
    } while (result == run_result::output_full);
    return heard();
  }

  /// Takes what there is to send.
  std::string heard() {
    std::string out(connection_.output().view());
    connection_.output().clear();
    return out;
  }

  void pass(duration d) { cache.now = now += d; }

  config settings;
  far_cache cache;
  cluster_board board;
  io_pool io{1};
  event_hub events;
  std::shared_ptr<pubsub_service> channels =
      std::make_shared<pubsub_service>(pubsub_service::surroundings{io, nullptr, board, events});
  lane_subscribers subscribed;
  environment shared;
  byte_buffer input;
  time_point now{};
  bool ended = false;
  time_point again_at{};
  run_result result = run_result::need_input;

  [[nodiscard]] connection& client() { return connection_; }

 private:
  connection connection_;
};

}  // namespace troupe::resp
