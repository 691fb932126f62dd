// Clients that wait for keys of another node, over the link.
#include <string>

#include "runtime/cache/procedures/waiting_words.hpp"
#include "tests/cache/forward_node.hpp"

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;

struct waiting_over_the_link : forward_pair {
  static cache_command command(const forward_node& n, procedure p, std::string_view key, const std::string& packed,
                               std::uint64_t id) {
    auto c = n.in("default", cache_op::run, key, packed);
    c.procedure = p;
    c.version = id;
    return c;
  }
  forward_node::answer wait(forward_node& n, std::string_view key, std::uint64_t id, duration left = patience) {
    const auto packed = pack(wait_words{value_type::list, {key}});
    auto told = std::make_shared<watched<std::optional<owned_reply>>>();
    n.router.wait(command(n, procedure::await_keys, key, packed, id), std::chrono::steady_clock::now() + left,
                  forward_node::into(told));
    return told;
  }
  void leave(forward_node& n, std::string_view key, std::uint64_t id) {
    const auto packed = pack(wait_words{value_type::list, {key}});
    n.router.wait(command(n, procedure::leave_keys, key, packed, id), std::chrono::steady_clock::now() + patience,
                  [](const owned_reply&) {});
  }
  static std::string words(std::initializer_list<std::string_view> all) {
    std::string packed;
    for (const auto w : all) pack_word(packed, w);
    return packed;
  }
  owned_reply run(forward_node& n, procedure p, std::string_view key, const std::string& packed, std::uint64_t id = 0) {
    return n.ask(command(n, p, key, packed, id));
  }
  static void expect_waiting(forward_node& n, std::uint64_t count) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (n.host.measure().waiting != count && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_EQ(n.host.measure().waiting, count);
  }
};

TEST_F(waiting_over_the_link, a_client_is_called_by_the_owner_and_pops) {
  give_all_to(2);
  const auto called = wait(a, "k", 7);
  expect_waiting(b, 1);
  EXPECT_EQ(run(a, procedure::rpush, "k", words({"k", "x"})).value, ":1\r\n");
  EXPECT_EQ(forward_node::wait(called).code, errc::ok);
  EXPECT_EQ(run(b, procedure::blpop, "k", words({"k", "0"}), 99).value, "*-1\r\n") << "of one who came later";
  EXPECT_EQ(run(a, procedure::blpop, "k", words({"k", "0"}), 7).value, "*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
  expect_waiting(b, 0);
}

TEST_F(waiting_over_the_link, other_commands_do_not_wait_with_it) {
  give_all_to(2);
  const auto first = wait(a, "k", 1);
  const auto put = a.submit(a.put("other", "v"));
  const auto second = wait(a, "k", 2);
  EXPECT_EQ(forward_node::wait(put).code, errc::ok);
  expect_waiting(b, 2);
  leave(a, "k", 1);
  EXPECT_EQ(forward_node::wait(first).code, errc::not_found);
  expect_waiting(b, 1);
  EXPECT_FALSE(second->read().has_value());
}

TEST_F(waiting_over_the_link, a_time_that_is_over_is_told_by_the_owner) {
  give_all_to(2);
  const auto told = wait(a, "k", 1, 50ms);
  expect_waiting(b, 1);
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!told->read().has_value() && std::chrono::steady_clock::now() < until)
    (void)b.host.tick_streams(std::chrono::steady_clock::now());
  EXPECT_EQ(forward_node::wait(told).code, errc::not_found);
}

TEST_F(waiting_over_the_link, an_owner_that_is_lost_or_another_is_told_at_once) {
  give_all_to(2);
  const auto moved = wait(a, "k", 1);
  expect_waiting(b, 1);
  give_all_to(1);
  EXPECT_EQ(forward_node::wait(moved).code, errc::not_owner);
  const auto here = wait(b, "k", 2);
  expect_waiting(a, 1);
  a.leave();
  const auto code = forward_node::wait(here).code;
  EXPECT_TRUE(code == errc::peer_lost || code == errc::unavailable) << name_of(code);
}

TEST_F(waiting_over_the_link, nobody_to_ask_is_said_at_once) {
  a.adopt(all_of(0));
  EXPECT_EQ(forward_node::wait(wait(a, "k", 1)).code, errc::unavailable);
}

}  // namespace
}  // namespace troupe::testing
