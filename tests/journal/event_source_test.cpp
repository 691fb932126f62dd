// Event-sourced actors over a journal in SQLite: what they store, what they read again, and how they end.
#include <caf/exit_reason.hpp>

#include "actors/messages/error.hpp"
#include "tests/journal/account.hpp"

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;

class event_source_test : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const auto& a : spawned_) caf::anon_send_exit(a, caf::exit_reason::kill);
    spawned_.clear();
  }

  caf::actor open(const std::string& stream = "a", const event_source_options& o = {}) {
    auto j = journal_;
    spawned_.push_back(system_.system().spawn(
        [j, stream, o](caf::event_based_actor* self) { return account_behavior(self, j, stream, o); }));
    return spawned_.back();
  }
  expected<std::string> ask(const caf::actor& whom, const std::string& what) {
    return testing::ask(system_.system(), whom, what);
  }
  // Ends with a reason; whose, is seen by a monitor.
  error end_of(
      const caf::actor& whom, const std::function<void()>& then = [] {}) {
    const caf::scoped_actor me(system_.system());
    me->monitor(whom);
    then();
    error why{errc::ok, "it goes on"};
    me->receive([&](const caf::down_msg& d) { why = from_caf(d.reason); }, caf::after(20s) >> [] {});
    return why;
  }

  temporary_directory directory_;
  sqlite_node node_{directory_.path()};
  journal journal_ = must_open(*node_.db);
  actor_runtime system_{2, add_types};
  std::vector<caf::actor> spawned_;
};

TEST_F(event_source_test, the_state_is_what_its_events_made_of_it_in_the_next_life_too) {
  const auto first = open();
  EXPECT_EQ(must(ask(first, "look")), "0");
  EXPECT_EQ(must(ask(first, "5")), "5");
  EXPECT_EQ(must(ask(first, "twice 10")), "25");
  EXPECT_EQ(must(ask(first, "stamp")), "7");
  caf::anon_send_exit(first, caf::exit_reason::user_shutdown);
  EXPECT_EQ(must(ask(open(), "look")), "25");
  EXPECT_EQ(must(journal_.load("a")).version, 4U);
  EXPECT_EQ(must(journal_.read("a", 3)).front().event.type, wire::Stamp().GetTypeName());
}

TEST_F(event_source_test, messages_wait_until_an_event_is_stored) {
  const auto a = open();
  const caf::scoped_actor me(system_.system());
  for (int n = 0; n < 50; ++n) me->send(a, std::string("1"));
  EXPECT_EQ(must(ask(a, "look")), "50") << "each was stored before the next one was looked at";
}

TEST_F(event_source_test, ten_thousand_events_are_read_in_pages) {
  for (std::uint64_t at = 0; at < 10'000; at += 1000) {
    stream_append many{"a", at, std::vector<journal_event>(1000, {"paid_in", 1, "2"}), {}};
    must(journal_.append(std::move(many)));
  }
  EXPECT_EQ(must(ask(open("a", {.page_events = 300}), "look")), "20000");
}

TEST_F(event_source_test, a_snapshot_stands_for_the_events_before_it) {
  const event_source_options o{.snapshot_every = 10, .truncate = true};
  const auto first = open("a", o);
  for (int n = 1; n <= 25; ++n) EXPECT_EQ(must(ask(first, "1")), std::to_string(n));
  const auto end = std::chrono::steady_clock::now() + 20s;  // it is saved in the background
  while (must(journal_.read("a", 0)).front().version != 21U && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  EXPECT_EQ(must(journal_.load("a")).base, 20U);
  EXPECT_EQ(must(journal_.read("a", 0)).front().version, 21U);
  EXPECT_EQ(must(ask(open("a", o), "look")), "25");
}

TEST_F(event_source_test, an_older_event_is_raised_and_one_that_cannot_be_is_told) {
  must(journal_.append({"a", 0, {{"paid_in", 1, "3"}}, {}}));
  EXPECT_EQ(must(ask(open(), "look")), "3");
  const std::map<std::string, journal_event> bad{
      {"events of type nobody's", {"nobody's", 1, ""}},    {"no upcast from there", {"deposited", 1, ""}},
      {"has version 3, known is 2", {"deposited", 3, ""}}, {"do not end", {"loop", 1, ""}},
      {"cannot be applied", {"deposited_text", 1, "x"}},   {"a bad note", {"note", 1, "bad"}}};
  for (const auto& [words, event] : bad) {
    must(journal_.append({words, 0, {{"note", 1, ""}, event}, {}}));
    const auto a = open(words);
    const auto r = ask(a, "look");
    ASSERT_FALSE(r);
    const auto end = end_of(a);  // supervision decides what is next by it
    EXPECT_NE(end.context.find("event 2"), std::string::npos) << end.context;
    EXPECT_NE(end.context.find(words), std::string::npos) << end.context;
    // Who asked while it replayed is told the same; who came later finds nobody.
    const bool gone = r.error().context.find("request_receiver_down") != std::string::npos;
    EXPECT_TRUE(gone || r.error().context == end.context) << r.error().context;
  }
}

TEST_F(event_source_test, bytes_that_are_no_event_are_told) {
  int n = 0;
  const auto type = wire::Stamp().GetTypeName();
  for (const auto& bytes : {"", "x", "\x01\x02\x03\x04\x05"}) {
    const auto stream = "s" + std::to_string(n++);
    must(journal_.append({stream, 0, {{"deposited", 2, bytes}}, {}}));
    const auto end = end_of(open(stream));  // an answer has it too, if the question comes in time
    EXPECT_NE(end.context.find("event 1"), std::string::npos) << end.context;
  }
  must(journal_.append({"p", 0, {{type, 1, "\xff\xff"}}, {}}));
  EXPECT_EQ(end_of(open("p")).code, errc::corrupt);
  must(journal_.append({"q", 0, {{type, 2, ""}}, {}}));
  EXPECT_EQ(end_of(open("q")).code, errc::not_implemented) << "a newer version of the message";
}

TEST_F(event_source_test, all_that_waits_for_a_replay_is_answered_with_its_reason) {
  must(journal_.append({"a", 0, {{"nobody's", 1, ""}}, {}}));
  const auto a = open();
  const caf::scoped_actor me(system_.system());
  int refused = 0;
  for (int n = 0; n < 10; ++n) {
    me->request(a, 20s, std::string("1"))
        .receive([](const std::string&) {},
                 [&](const caf::error& e) {
                   refused +=
                       from_caf(e).code == errc::not_implemented || from_caf(e).code == errc::unavailable ? 1 : 0;
                 });
  }
  EXPECT_EQ(refused, 10);
  EXPECT_EQ(must(journal_.load("a")).version, 1U);
}

TEST_F(event_source_test, a_second_writer_ends_the_first_one) {
  const auto first = open();
  const auto second = open();
  EXPECT_EQ(must(ask(first, "look")), "0");
  EXPECT_EQ(must(ask(second, "1")), "1");
  expected<std::string> told;
  EXPECT_EQ(end_of(first, [&] { told = ask(first, "1"); }).code, errc::condition_failed);
  EXPECT_EQ(code_of(told), errc::condition_failed);
  EXPECT_EQ(must(ask(second, "1")), "2") << "the one that came first goes on";
}

TEST_F(event_source_test, an_event_without_rules_is_not_stored) {
  const auto a = open();
  EXPECT_EQ(code_of(ask(a, "unknown")), errc::not_implemented);
  EXPECT_EQ(must(ask(a, "1")), "1");
}

TEST_F(event_source_test, a_disk_that_is_full_refuses_and_the_actor_goes_on) {
  const auto a = open();
  EXPECT_EQ(must(ask(a, "1")), "1");
  node_.injected.commit = errc::storage_failed;
  EXPECT_EQ(code_of(ask(a, "1")), errc::storage_failed);
  EXPECT_EQ(must(ask(a, "look")), "1");
  node_.injected.commit = errc::ok;
  EXPECT_EQ(must(ask(a, "1")), "2");
}

TEST_F(event_source_test, an_answer_that_is_lost_is_found_again) {
  const auto a = open();
  node_.injected.lose_answer = true;
  std::thread heals([this] {
    while (must(journal_.read("a", 0)).empty()) std::this_thread::yield();
    node_.injected.lose_answer = false;
  });
  EXPECT_EQ(must(ask(a, "5")), "5");
  heals.join();
  EXPECT_EQ(must(journal_.read("a", 0)).size(), 1U);
}

TEST_F(event_source_test, an_outcome_that_stays_unknown_ends_it_and_the_next_life_knows) {
  const auto a = open("a", {.settle_for = 0s});
  node_.injected.lose_answer = true;
  expected<std::string> told;
  EXPECT_EQ(end_of(a, [&] { told = ask(a, "5"); }).code, errc::outcome_unknown);
  EXPECT_EQ(code_of(told), errc::outcome_unknown);
  node_.injected.lose_answer = false;
  EXPECT_EQ(must(ask(open(), "look")), "5");
}

TEST_F(event_source_test, an_event_that_is_stored_and_cannot_be_applied_ends_it) {
  const auto a = open();
  expected<std::string> told;
  EXPECT_EQ(end_of(a, [&] { told = ask(a, "666"); }).code, errc::outcome_unknown);
  EXPECT_EQ(end_of(open()).code, errc::corrupt);
}

}  // namespace
}  // namespace troupe::testing
