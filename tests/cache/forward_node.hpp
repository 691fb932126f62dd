// A node that has shards, a router, a link and a forwarder, and a pair of them under one table.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "actors/cache/cache_server.hpp"
#include "actors/cache/link_forwarder.hpp"
#include "tests/link/link_node.hpp"

namespace troupe::testing {

struct forward_node {
  static constexpr std::uint32_t shards = 16;
  static constexpr std::uint64_t value_max = 16 * mib;

  const std::uint64_t pid;
  peer_identity self;
  std::shared_ptr<event_log> log = event_log::none();
  io_pool io{2};
  shard_host host{{shards, 256 * mib, eviction_policy::lru, 42, {}}};
  cache_catalogue caches;
  cache_router router{host, caches, value_max};
  std::shared_ptr<link_table> link;
  std::shared_ptr<const cache_server_counters> served;
  std::mutex mutex;
  std::map<std::uint64_t, link_target> addresses;
  std::unique_ptr<link_forwarder> way;
  boost::asio::steady_timer timer{io.context(1)};

  forward_node(std::uint64_t id, const std::map<std::string, named_cache_config>& declared,
               link_settings settings = test_settings())
      : pid(id),
        self{"n" + std::to_string(id), {id, id}, {}},
        caches(declared),
        link(std::make_shared<link_table>(io, *log, std::move(settings))) {
    served = serve_cache_requests(*link, router);
    EXPECT_TRUE(link->bind("127.0.0.1:0").has_value());
    self.address = link->address();
    link->start(self);
    way = std::make_unique<link_forwarder>(
        io, *link, [this](std::uint64_t to) { return find(to); }, [this] { return router.table_stamp(); });
    router.set_forwarder(way.get());
    router.on_first_parked([this] { boost::asio::post(io.context(1), [this] { arm(); }); });
    io.start();
  }
  ~forward_node() {
    stop();
    router.stop_parking();
  }

  void stop() {
    io.stop();
    link.reset();
  }
  /// Its connections are closed and its port refuses new ones.
  void leave() {
    watched<bool> closed;
    link->close([&] { closed.update([](bool& c) { c = true; }); });
    EXPECT_TRUE(closed.wait([](bool c) { return c; }));
    stop();
  }

  std::optional<link_target> find(std::uint64_t to) {
    const std::lock_guard lock(mutex);
    const auto found = addresses.find(to);
    return found == addresses.end() ? std::nullopt : std::optional(found->second);
  }
  void learn(std::uint64_t id, link_target where) {
    const std::lock_guard lock(mutex);
    addresses[id] = std::move(where);
  }
  void learn(const forward_node& other) { learn(other.pid, {other.self.address, other.self.id}); }

  void arm() {
    timer.expires_after(parked_commands::retry_interval);
    timer.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled && router.retry_parked(std::chrono::steady_clock::now())) arm();
    });
  }

  cache_command in(std::string_view cache, cache_op op, std::string_view key, std::string_view value = {}) const {
    cache_command c;
    c.op = op;
    c.cache = router.find(cache).value();
    c.key = key;
    c.value = value;
    return c;
  }
  cache_command get(std::string_view key) const { return in("default", cache_op::get, key); }
  cache_command put(std::string_view key, std::string_view value) const {
    return in("default", cache_op::put, key, value);
  }
  cache_command erase(std::string_view key) const { return in("default", cache_op::erase, key); }

  using answer = std::shared_ptr<watched<std::optional<owned_reply>>>;
  static reply_callback into(const answer& a) {
    return [a](owned_reply r) { a->update([&](auto& all) { all = std::move(r); }); };
  }
  static owned_reply wait(const answer& a) {
    EXPECT_TRUE(a->wait([](const auto& r) { return r.has_value(); }));
    return a->read().value_or(owned_reply::failed(errc::corrupt, "the test gave up"));
  }
  answer submit(const cache_command& c, duration left = patience) {
    auto a = std::make_shared<watched<std::optional<owned_reply>>>();
    router.submit(c, std::chrono::steady_clock::now() + left, into(a));
    return a;
  }
  owned_reply ask(const cache_command& c) { return wait(submit(c)); }

  /// Past the router: the forwarder's own outcome.
  answer forward(std::uint64_t to, const cache_command& c, duration left = patience) {
    auto a = std::make_shared<watched<std::optional<owned_reply>>>();
    way->forward(to,
                 std::make_shared<forwarded_command>(
                     forwarded_command{owned_command(c), "default", std::chrono::steady_clock::now() + left}),
                 into(a));
    return a;
  }

  void adopt(const shard_table& table) { EXPECT_TRUE(host.adopt(table, pid).has_value()); }
};

struct forward_pair : ::testing::Test {
  explicit forward_pair(const link_settings& of_b = test_settings()) : b(2, {}, of_b) {
    a.learn(b);
    b.learn(a);
  }

  /// A table under the next stamp in which `owner` is everybody's primary.
  shard_table all_of(std::uint64_t owner) {
    shard_table t;
    t.stamp = {1, ++epoch};
    t.rows.assign(forward_node::shards, shard_row{owner, {}, {}, epoch, 1});
    return t;
  }
  void give_all_to(std::uint64_t owner) {
    const auto table = all_of(owner);
    a.adopt(table);
    b.adopt(table);
  }

  std::uint64_t epoch = 1;
  forward_node a{1, {{"only-a", {}}}};
  forward_node b;
};

}  // namespace troupe::testing
