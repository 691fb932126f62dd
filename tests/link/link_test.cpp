#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/link/link_node.hpp"

namespace troupe {
namespace {

using namespace testing;

TEST(link, carries_cluster_messages_with_the_sender_s_identity) {
  link_node a("a", 1);
  link_node b("b", 2);
  a.tell(b, "hello");
  EXPECT_TRUE(b.hears("a", "hello"));
  b.tell(a, "and back");
  EXPECT_TRUE(a.hears("b", "and back"));
  EXPECT_EQ(a.connections(), 1u);
  EXPECT_EQ(b.connections(), 1u);
  EXPECT_EQ(a.link->numbers().connections_opened.load() + b.link->numbers().connections_opened.load(), 2u)
      << "the answer goes over the same connection";
}

TEST(link, answers_requests) {
  link_node a("a", 1);
  link_node b("b", 2);
  EXPECT_EQ(a.ask(b.target(), "x"), "x");
  EXPECT_EQ(b.ask(a.target(), ""), "");
}

TEST(link, answers_ten_thousand_requests_in_flight) {
  link_node a("a", 1);
  link_node b("b", 2);
  watched<std::vector<int>> answers;
  constexpr int many = 10000;
  for (int i = 0; i < many; ++i) {
    a.link->request(b.target(), link_request_kind::cache, std::to_string(i), soon(), [&](const auto& reply) {
      ASSERT_TRUE(reply.has_value());
      answers.update([&](auto& all) { all.push_back(std::stoi(std::string(*reply))); });
    });
  }
  ASSERT_TRUE(answers.wait([](const auto& all) { return all.size() == many; }));
  const auto all = answers.read();
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end())) << "one lane keeps its order";
}

TEST(link, carries_ten_mebibytes_and_a_vote_beside_them) {
  link_node a("a", 1);
  link_node b("b", 2);
  std::string large(10 * mib, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7 >> 5);
  watched<int> done;
  a.link->request(b.target(), link_request_kind::cache, large, soon(), [&](const auto& reply) {
    EXPECT_TRUE(reply && *reply == large);
    done.update([](int& n) { ++n; });
  });
  a.tell(b, "vote");
  EXPECT_TRUE(b.hears("a", "vote"));
  EXPECT_TRUE(done.wait([](int n) { return n == 1; }));
}

TEST(link, refuses_a_message_beyond_its_limit) {
  auto settings = test_settings();
  settings.message_max = mib;
  link_node a("a", 1, settings);
  link_node b("b", 2);
  EXPECT_EQ(a.ask(b.target(), std::string(2 * mib, 'x')).error().code, errc::too_large);
  EXPECT_EQ(a.ask(b.target(), "x"), "x");
}

TEST(link, answers_for_a_receiver_that_cannot) {
  link_node a("a", 1);
  link_node b("b", 2);
  b.link->handle_requests(link_request_kind::cache, [](const link_request&, link_responder) {});
  EXPECT_EQ(a.ask(b.target(), "x").error().code, errc::unavailable);
  watched<std::optional<errc>> code;
  a.link->request(b.target(), link_request_kind::actor_names, "x", soon(),
                  [&](const auto& reply) { code.update([&](auto& c) { c = reply.error().code; }); });
  EXPECT_TRUE(code.wait([](const auto& c) { return c == errc::not_implemented; }));
}

TEST(link, ends_a_request_at_its_deadline) {
  link_node a("a", 1);
  link_node b("b", 2);
  std::mutex mutex;
  std::vector<link_responder> held;
  b.link->handle_requests(link_request_kind::cache, [&](const link_request& request, link_responder responder) {
    if (request.body == "open") return responder.answer(std::string_view("yes"));
    const std::lock_guard lock(mutex);
    held.push_back(std::move(responder));
  });
  ASSERT_TRUE(a.ask(b.target(), "open"));  // dialling may take longer than the deadline below
  const auto reply = a.ask(b.target(), "x", std::chrono::steady_clock::now() + std::chrono::milliseconds(30));
  EXPECT_EQ(reply.error().code, errc::outcome_unknown);
  {
    const std::lock_guard lock(mutex);
    ASSERT_EQ(held.size(), 1u);
    held.front().answer(std::string_view("too late"));
    held.clear();
  }
  EXPECT_TRUE(eventually([&] { return a.link->numbers().late_replies.load() == 1; }));
}

TEST(link, fails_everything_in_flight_when_the_peer_dies) {
  link_node a("a", 1);
  auto b = std::make_unique<link_node>("b", 2);
  std::mutex mutex;
  std::vector<link_responder> held;
  watched<int> asked;
  b->link->handle_requests(link_request_kind::cache, [&](const link_request&, link_responder responder) {
    const std::lock_guard lock(mutex);
    held.push_back(std::move(responder));
    asked.update([](int& n) { ++n; });
  });
  watched<std::vector<errc>> codes;
  for (int i = 0; i < 100; ++i) {
    a.link->request(b->target(), link_request_kind::cache, "x", soon(), [&](const auto& reply) {
      codes.update([&](auto& all) { all.push_back(reply ? errc::ok : reply.error().code); });
    });
  }
  ASSERT_TRUE(asked.wait([](int n) { return n == 100; }));
  const auto old = b->target();
  b.reset();
  ASSERT_TRUE(codes.wait([](const auto& all) { return all.size() == 100; }));
  for (const auto code : codes.read()) EXPECT_EQ(code, errc::peer_lost);
  EXPECT_TRUE(a.lost.wait([](const auto& all) { return all.size() == 1 && all.front().first == "b"; }));
  EXPECT_EQ(a.connections(), 0u);

  // A new incarnation on the same address is reached at once; the old one never again.
  link_node again("b", 3, test_settings(), old.address);
  again.tell(a, "I am back");
  EXPECT_TRUE(a.hears("b", "I am back"));
  EXPECT_EQ(a.ask(again.target(), "x"), "x");
  EXPECT_FALSE(a.ask(old, "x").has_value());
  EXPECT_EQ(a.ask(again.target(), "y"), "y") << "the question for the dead one did no harm";
}

TEST(link, refuses_what_a_peer_that_does_not_read_cannot_take) {
  auto settings = test_settings();
  settings.queue_max = 4 * mib;
  link_node a("a", 1, settings);
  raw_socket deaf(a.self.address);
  const peer_identity who{"deaf", {9, 9}, "127.0.0.1:1"};
  deaf.join(who);
  ASSERT_TRUE(eventually([&] { return a.connections() == 1; }));
  const std::string body(100 * kib, 'x');
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto sent = a.link->send_cluster({who.address, who.id}, body);
    if (sent) continue;
    EXPECT_EQ(sent.error().code, errc::unavailable);
    ++refused;
  }
  EXPECT_GT(refused, 500);
  for (const auto& row : a.link->status()) EXPECT_LE(row.queued, settings.queue_max);
  EXPECT_EQ(a.link->numbers().queue_full.load(), static_cast<std::uint64_t>(refused));
}

TEST(link, closes_when_idle_and_opens_again_without_loss) {
  auto settings = test_settings();
  settings.idle_timeout = std::chrono::milliseconds(4);
  link_node a("a", 1, settings);
  link_node b("b", 2, settings);
  for (int round = 0; round < 10; ++round) {
    EXPECT_EQ(a.ask(b.target(), std::to_string(round)), std::to_string(round));
    EXPECT_EQ(b.ask(a.target(), "x"), "x");
    ASSERT_TRUE(eventually([&] { return a.connections() == 0 && b.connections() == 0; }));
  }
  EXPECT_GE(a.link->numbers().connections_opened.load(), 10u);
  EXPECT_TRUE(a.lost.read().empty());
  EXPECT_TRUE(b.lost.read().empty());
}

TEST(link, says_goodbye_when_it_closes) {
  link_node a("a", 1);
  link_node b("b", 2);
  a.tell(b, "hello");
  ASSERT_TRUE(b.hears("a", "hello"));
  for (int i = 0; i < 100; ++i) a.tell(b, "last words " + std::to_string(i));
  watched<bool> closed;
  a.link->close([&] { closed.update([](bool& c) { c = true; }); });
  EXPECT_TRUE(closed.wait([](bool c) { return c; }));
  EXPECT_TRUE(b.hears("a", "last words 99"));
  EXPECT_TRUE(b.lost.wait(
      [](const auto& all) { return all.size() == 1 && all.front().second.find("goodbye") != std::string::npos; }));
  EXPECT_EQ(a.link->send_cluster(b.target(), "x").error().code, errc::unavailable);
  EXPECT_TRUE(a.lost.read().empty());
}

TEST(link, forgets_a_peer_that_membership_gave_up) {
  link_node a("a", 1);
  link_node b("b", 2);
  std::mutex mutex;
  std::vector<link_responder> held;
  watched<int> asked;
  b.link->handle_requests(link_request_kind::cache, [&](const link_request&, link_responder responder) {
    const std::lock_guard lock(mutex);
    held.push_back(std::move(responder));
    asked.update([](int& n) { ++n; });
  });
  watched<std::optional<error>> why;
  a.link->request(b.target(), link_request_kind::cache, "x", soon(),
                  [&](const auto& reply) { why.update([&](auto& w) { w = reply.error(); }); });
  ASSERT_TRUE(asked.wait([](int n) { return n == 1; }));
  a.link->forget(b.self.id, "b has failed");
  EXPECT_TRUE(why.wait([](const auto& w) { return w && w->code == errc::peer_lost && w->context == "b has failed"; }));
  EXPECT_TRUE(b.lost.wait([](const auto& all) { return all.size() == 1; }));
}

TEST(link, takes_letters_from_many_threads) {
  link_node a("a", 1);
  link_node b("b", 2);
  watched<int> answered;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        (void)a.link->send_cluster(b.target(), "letter");
        a.link->request(b.target(), link_request_kind::cache, std::string(200, 'x'), soon(), [&](const auto& reply) {
          EXPECT_TRUE(reply.has_value());
          answered.update([](int& n) { ++n; });
        });
        if (i % 100 == 0) (void)a.link->status();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(answered.wait([](int n) { return n == 2000; }));
  EXPECT_TRUE(b.inbox.wait([](const auto& all) { return all.size() == 2000; }));
}

TEST(link, who_takes_turns_with_a_peer_writes_itself) {
  link_node a("a", 1);
  link_node b("b", 2);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(a.ask(b.target(), std::to_string(i)), std::to_string(i));
  EXPECT_GT(a.link->numbers().writes_by_senders.load(), 0u);
  const auto& out = a.link->numbers();
  const auto& in = b.link->numbers();
  EXPECT_TRUE(eventually([&] { return out.bytes_out == in.bytes_in.load(); }));
}

TEST(link, a_burst_is_left_to_the_io_thread) {
  link_node a("a", 1);
  link_node b("b", 2);
  ASSERT_TRUE(a.ask(b.target(), "open"));
  const auto before = a.link->numbers().writes_by_senders.load();
  for (int i = 0; i < 1000; ++i) a.tell(b, std::to_string(i));
  EXPECT_TRUE(b.hears("a", "999"));
  EXPECT_LE(a.link->numbers().writes_by_senders.load() - before, 1u);
}

// Of all sizes about the limit of what a sender writes itself.
TEST(link, keeps_its_order_whoever_writes) {
  link_node a("a", 1);
  link_node b("b", 2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        const std::string body(static_cast<std::size_t>((i * 7919 + t) % 40) * kib, static_cast<char>('a' + t));
        const auto reply = a.ask(b.target(), body);
        ASSERT_TRUE(reply && *reply == body);
        if (t == 0) a.tell(b, std::to_string(i));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(b.inbox.wait([](const auto& all) { return all.size() == 300; }));
  int next = 0;
  for (const auto& [from, bytes] : b.inbox.read()) EXPECT_EQ(bytes, std::to_string(next++));
  EXPECT_GT(a.link->numbers().writes_by_senders.load(), 0u);
}

// The peer says a word each time and reads nothing, so that senders fill the socket until it takes no more.
TEST(link, what_the_socket_does_not_take_from_a_sender_follows_in_its_order) {
  link_node a("a", 1);
  raw_socket slow(a.self.address);
  const peer_identity who{"slow", {9, 9}, "127.0.0.1:1"};
  slow.join(who);
  ASSERT_TRUE(eventually([&] { return a.connections() == 1; }));
  const auto body_of = [](int i) { return std::string(16 * kib - 4, static_cast<char>('a' + i % 26)); };
  const auto queued = [&] {
    std::uint64_t bytes = 0;
    for (const auto& row : a.link->status()) bytes += row.queued;
    return bytes;
  };
  int sent = 0;
  for (; queued() < 256 * kib; ++sent) {
    ASSERT_LT(sent, 4000) << "the socket took everything";
    slow.write(make_frame(frame_type::cluster, std::to_string(sent)));
    ASSERT_TRUE(a.hears("slow", std::to_string(sent)));
    ASSERT_TRUE(a.link->send_cluster({who.address, who.id}, body_of(sent)));
  }
  EXPECT_GT(a.link->numbers().writes_by_senders.load(), 0u);
  for (int i = 0; i < sent; ++i) {
    const auto frame = slow.read_frame();
    ASSERT_TRUE(frame && frame->first == frame_type::cluster) << i;
    ASSERT_TRUE(frame->second == body_of(i)) << i;
  }
}

TEST(link, closes_under_who_writes) {
  link_node b("b", 2);
  for (int round = 0; round < 20; ++round) {
    auto a = std::make_unique<link_node>("a", static_cast<std::uint64_t>(10 + round));
    ASSERT_TRUE(a->ask(b.target(), "open"));
    std::atomic<bool> ended{false};
    std::thread asker([&] {
      while (!ended) (void)a->ask(b.target(), "x");
    });
    watched<bool> closed;
    a->link->close([&] { closed.update([](bool& c) { c = true; }); });
    EXPECT_TRUE(closed.wait([](bool c) { return c; }));
    ended = true;
    asker.join();
  }
}

TEST(link, probes_a_node_over_tcp) {
  link_node a("a", 1);
  link_node b("b", 2);
  watched<std::optional<bool>> there;
  a.link->probe(b.target(), soon(),
                [&](const expected<void>& r) { there.update([&](auto& t) { t = r.has_value(); }); });
  EXPECT_TRUE(there.wait([](const auto& t) { return t == true; }));
}

}  // namespace
}  // namespace troupe
