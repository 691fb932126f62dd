// Who may connect to whom, and which connection stays.
#include <thread>

#include "tests/link/link_node.hpp"

namespace troupe {
namespace {

using namespace testing;

TEST(link_dial, makes_one_connection_of_two_simultaneous_dials) {
  for (std::uint64_t round = 0; round < 40; ++round) {
    link_node a("a", round % 2 == 0 ? 1 : 3);
    link_node b("b", 2);
    constexpr int letters = 20;
    std::thread from_b([&] {
      for (int i = 0; i < letters; ++i) b.tell(a, std::to_string(i));
    });
    for (int i = 0; i < letters; ++i) a.tell(b, std::to_string(i));
    from_b.join();
    for (auto* node : {&a, &b}) {
      ASSERT_TRUE(node->inbox.wait([](const auto& all) { return all.size() == letters; })) << round;
      const auto all = node->inbox.read();
      for (int i = 0; i < letters; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)].second, std::to_string(i));
      EXPECT_EQ(node->connections(), 1u);
      EXPECT_TRUE(node->lost.read().empty());
    }
  }
}

TEST(link_dial, recognises_one_node_under_two_addresses) {
  for (int round = 0; round < 10; ++round) {
    link_node a("a", 1);
    link_node b("b", 2);
    const link_target alias{"localhost:" + b.self.address.substr(b.self.address.rfind(':') + 1), {}};
    ASSERT_TRUE(a.link->send_cluster(alias, "by alias"));
    a.tell(b, "by id");
    b.tell(a, "and back");
    EXPECT_TRUE(b.hears("a", "by alias"));
    EXPECT_TRUE(b.hears("a", "by id"));
    EXPECT_TRUE(a.hears("b", "and back"));
    EXPECT_TRUE(eventually([&] { return a.connections() == 1 && b.connections() == 1; }));
    EXPECT_EQ(a.ask(alias, "x"), "x");
    EXPECT_TRUE(a.lost.read().empty());
    EXPECT_TRUE(b.lost.read().empty());
  }
}

TEST(link_dial, reaches_whoever_answers_when_no_incarnation_is_named) {
  link_node a("a", 1);
  link_node b("b", 2);
  EXPECT_EQ(a.ask({b.self.address, {}}, "x"), "x");
  EXPECT_EQ(a.ask(b.target(), "y"), "y");
  EXPECT_EQ(a.link->numbers().connections_opened.load(), 1u);
}

TEST(link_dial, does_not_give_one_incarnation_s_letters_to_another) {
  link_node a("a", 1);
  link_node b("b", 2);
  const auto reply = a.ask({b.self.address, {7, 7}}, "x");
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, errc::unavailable);
  EXPECT_NE(reply.error().context.find("incarnation"), std::string::npos) << reply.error().context;
  EXPECT_EQ(a.ask(b.target(), "y"), "y");
}

TEST(link_dial, tells_that_nobody_listens_at_an_address_whose_host_answers) {
  link_node a("a", 1);
  watched<std::vector<std::string>> refused;
  a.link->on_dial_refused(
      [&](const link_target& to) { refused.update([&](auto& all) { all.push_back(to.address); }); });
  (void)a.link->send_cluster({"127.0.0.1:1", {9, 9}}, "x");
  EXPECT_TRUE(refused.wait([](const auto& all) { return all == std::vector<std::string>{"127.0.0.1:1"}; }));
  EXPECT_TRUE(a.lost.wait([](const auto& all) { return all.empty(); })) << "it was never up";
}

TEST(link_dial, fails_fast_when_nobody_listens) {
  link_node a("a", 1);
  std::string address;
  {
    link_node gone("gone", 2);
    address = gone.self.address;
  }
  EXPECT_EQ(a.ask({address, {}}, "x").error().code, errc::unavailable);
  const auto second = a.ask({address, {}}, "x");
  EXPECT_EQ(second.error().code, errc::unavailable);
  for (const auto* nonsense : {"no port", ":1", "host:99999", ""})
    EXPECT_EQ(a.ask({nonsense, {}}, "x").error().code, errc::unavailable) << nonsense;
  EXPECT_GE(a.link->numbers().dials_failed.load(), 1u);
}

TEST(link_dial, finds_out_that_it_dialled_itself) {
  link_node a("a", 1);
  const auto port = a.self.address.substr(a.self.address.rfind(':') + 1);
  EXPECT_EQ(a.ask({a.self.address, {}}, "x").error().code, errc::invalid_argument);
  const auto reply = a.ask({"localhost:" + port, {}}, "x");
  ASSERT_FALSE(reply.has_value());
  EXPECT_NE(reply.error().context.find("this very node"), std::string::npos) << reply.error().context;
  EXPECT_TRUE(eventually([&] { return a.link->numbers().refused_by_peer[5].load() == 1; }));
}

struct wrong_case {
  const char* name;
  void (*change)(link_settings&);
  link_refusal reason;
  const char* word;
};

TEST(link_dial, refuses_a_stranger_and_tells_both_ends_why) {
  const wrong_case cases[] = {
      {"secret", [](link_settings& s) { s.secret = "guess"; }, link_refusal::wrong_secret, "secret"},
      {"no secret", [](link_settings& s) { s.secret.clear(); }, link_refusal::wrong_secret, "secret"},
      {"cluster", [](link_settings& s) { s.cluster = "other"; }, link_refusal::wrong_cluster, "other"},
  };
  for (const auto& c : cases) {
    auto settings = test_settings();
    c.change(settings);
    link_node a("a", 1, settings);
    link_node b("b", 2);
    const auto reply = a.ask(b.target(), "x");
    ASSERT_FALSE(reply.has_value()) << c.name;
    EXPECT_NE(reply.error().context.find(c.word), std::string::npos) << reply.error().context;
    const auto reason = static_cast<std::size_t>(c.reason);
    EXPECT_TRUE(eventually([&] {
      const auto& here = a.link->numbers();
      const auto& there = b.link->numbers();
      return here.refused[reason] + here.refused_by_peer[reason] == 1 &&
             there.refused[reason] + there.refused_by_peer[reason] == 1;
    })) << c.name;
    EXPECT_EQ(b.connections(), 0u);
  }
}

TEST(link_dial, refuses_those_whom_the_node_does_not_admit) {
  auto settings = test_settings();
  settings.admit = [](const peer_identity& who) -> std::optional<std::string> {
    return "this node runs alone, " + who.name;
  };
  link_node a("a", 1);
  link_node b("b", 2, settings);
  const auto reply = a.ask(b.target(), "x");
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().context, "this node runs alone, a");
}

TEST(link_dial, refuses_an_address_in_use) {
  link_node a("a", 1);
  io_pool io(1);
  const auto log = event_log::none();
  const auto second = std::make_shared<link_table>(io, *log, test_settings());
  const auto bound = second->bind(a.self.address);
  ASSERT_FALSE(bound.has_value());
  EXPECT_EQ(bound.error().code, errc::unavailable);
  EXPECT_NE(bound.error().context.find(a.self.address), std::string::npos);
}

}  // namespace
}  // namespace troupe
