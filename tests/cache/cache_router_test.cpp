#include "actors/cache/cache_router.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "tests/cache/host_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

struct recorded_backing : backing_store {
  std::vector<std::string> keys;
  duration ttl{};
  void submit(const cache_command& c, time_point, reply_callback done) override {
    keys.emplace_back(c.key);
    ttl = c.ttl;
    done(owned_reply::failed(errc::condition_failed, "from the database"));
  }
};

struct recorded_forwarder : forwarder {
  std::vector<std::string> lines;
  void forward(std::uint64_t owner, std::shared_ptr<const forwarded_command> c, reply_callback done) override {
    lines.push_back(std::to_string(owner) + " " + c->cache + " " + c->command.key);
    done({});
  }
};

std::map<std::string, named_cache_config> declared() {
  std::map<std::string, named_cache_config> caches;
  caches["kept"].backed = true;
  caches["kept"].ttl = 30s;
  caches["short"].ttl = 10s;
  return caches;
}

struct router_test : testing::Test, host_fixture {
  static constexpr std::uint64_t value_max = 1000;

  cache_catalogue caches{declared()};
  cache_router router{host, caches, value_max, [this] { return now; }};
  recorded_backing backing;
  recorded_forwarder way;

  cache_command in(std::string_view cache, cache_command c) {
    c.cache = router.find(cache).value();
    return c;
  }
  /// The code of try_now, or nothing when it must be submitted.
  std::optional<errc> try_now(const cache_command& c) {
    errc code = errc::ok;
    if (!router.try_now(c, now, [&](const cache_reply& r) { code = r.code; })) return std::nullopt;
    return code;
  }
  owned_reply submit(const cache_command& c, duration wait = 1s) {
    int calls = 0;
    owned_reply reply;
    router.submit(c, now + wait, [&](owned_reply r) {
      ++calls;
      reply = std::move(r);
    });
    EXPECT_EQ(calls, 1);
    return reply;
  }
};

TEST_F(router_test, does_plain_commands_of_its_own_shards_at_once) {
  own_everything();
  EXPECT_EQ(try_now(command(cache_op::put, "k", "v")), errc::ok);
  EXPECT_EQ(try_now(command(cache_op::get, "k")), errc::ok);
  EXPECT_EQ(try_now(command(cache_op::get, "none")), errc::not_found);
  EXPECT_EQ(submit(command(cache_op::get, "k")).value, "v");
  EXPECT_EQ(submit(command(cache_op::erase, "k")).code, errc::ok);
}

TEST_F(router_test, knows_declared_caches_only) {
  own_everything();
  EXPECT_EQ(router.find("default"), cache_id{0});
  EXPECT_EQ(router.find("nobody"), std::nullopt);
  auto c = command(cache_op::get, "k");
  c.cache = 77;
  EXPECT_EQ(try_now(c), errc::invalid_argument);
  EXPECT_EQ(submit(c).code, errc::invalid_argument);
}

TEST_F(router_test, refuses_keys_and_values_beyond_their_limits) {
  own_everything();
  const std::string large(value_max + 1, 'v');
  const std::string long_key(key_bytes_max + 1, 'k');
  EXPECT_EQ(try_now(command(cache_op::put, "k", large)), errc::too_large);
  EXPECT_EQ(submit(command(cache_op::put, "k", large)).code, errc::too_large);
  EXPECT_EQ(submit(in("kept", command(cache_op::put, "k", large))).code, errc::too_large);
  EXPECT_EQ(try_now(command(cache_op::get, long_key)), errc::too_large);
  EXPECT_EQ(try_now(command(cache_op::put, "k", std::string(value_max, 'v'))), errc::ok);
}

TEST_F(router_test, does_nothing_after_the_deadline) {
  own_everything();
  EXPECT_EQ(submit(command(cache_op::put, "k", "v"), 0s).code, errc::deadline_exceeded);
  EXPECT_EQ(submit(command(cache_op::put, "k", "v"), -1s).code, errc::deadline_exceeded);
  EXPECT_EQ(try_now(command(cache_op::get, "k")), errc::not_found);
}

TEST_F(router_test, gives_a_cache_s_ttl_to_values_written_without_one) {
  own_everything();
  submit(in("short", command(cache_op::put, "k", "v")));
  EXPECT_EQ(submit(in("short", command(cache_op::get, "k"))).ttl, 10s);
  auto c = in("short", command(cache_op::put, "k", "v"));
  c.ttl = 99s;
  EXPECT_EQ(try_now(c), errc::ok);
  EXPECT_EQ(submit(in("short", command(cache_op::get, "k"))).ttl, 99s);
  c.ttl = 0s;
  c.keep_ttl = true;
  EXPECT_EQ(submit(c).ttl, 99s);
}

TEST_F(router_test, sends_a_backed_cache_s_commands_to_the_database) {
  own_everything();
  EXPECT_EQ(try_now(in("kept", command(cache_op::get, "k"))), std::nullopt);
  EXPECT_EQ(try_now(in("kept", command(cache_op::put, "k", "v"))), std::nullopt);
  const auto off = submit(in("kept", command(cache_op::get, "k")));
  EXPECT_EQ(off.code, errc::unavailable);
  EXPECT_EQ(off.context, "service db is off");
  router.set_backing(&backing);
  EXPECT_EQ(submit(in("kept", command(cache_op::put, "k", "v"))).code, errc::condition_failed);
  EXPECT_EQ(backing.keys, std::vector<std::string>{"k"});
  EXPECT_EQ(backing.ttl, 30s);
}

TEST_F(router_test, answers_a_backed_read_that_hits_memory_at_once) {
  own_everything();
  router.set_backing(&backing);
  const auto get = in("kept", command(cache_op::get, "k"));
  host.apply_committed(get.cache, "k", "v", host.next_version(get.cache, "k"), 0s, now);
  EXPECT_EQ(try_now(get), errc::ok);
  EXPECT_EQ(try_now(in("kept", command(cache_op::erase, "k"))), std::nullopt);
  submit(get);
  EXPECT_EQ(backing.keys.size(), 1u) << "submitted reads stay in order behind submitted writes";
}

TEST_F(router_test, forwards_what_another_node_owns) {
  own_everything();
  for (auto& row : table.rows) row.primary = other;
  adopt();
  EXPECT_EQ(try_now(command(cache_op::get, "k")), std::nullopt);
  EXPECT_EQ(submit(command(cache_op::get, "k")).code, errc::unavailable);
  router.set_forwarder(&way);
  EXPECT_EQ(submit(command(cache_op::get, "k")).code, errc::ok);
  EXPECT_EQ(submit(in("kept", command(cache_op::put, "l", "v"))).code, errc::ok);
  EXPECT_EQ(way.lines, (std::vector<std::string>{"9 default k", "9 kept l"}));
}

TEST_F(router_test, forwards_nothing_twice) {
  own_everything();
  router.set_forwarder(&way);
  auto code = errc::ok;
  const auto done = [&](owned_reply r) { code = r.code; };
  router.submit_forwarded(command(cache_op::put, "k", "v"), now + 1s, done);
  EXPECT_EQ(code, errc::ok);
  for (auto& row : table.rows) row.primary = other;
  adopt();
  router.submit_forwarded(command(cache_op::get, "k"), now + 1s, done);
  EXPECT_EQ(code, errc::not_owner);
  EXPECT_TRUE(way.lines.empty());
}

TEST_F(router_test, a_shard_without_a_primary_is_unavailable) {
  EXPECT_EQ(try_now(command(cache_op::get, "k")), std::nullopt);
  EXPECT_EQ(submit(command(cache_op::get, "k")).code, errc::unavailable);
  EXPECT_TRUE(way.lines.empty());
}

}  // namespace
}  // namespace troupe
