// Election alone: three members in one process, votes on their disks or an entry in a store.
#include <troupe/leader_election.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr auto most = 30s;
constexpr std::size_t nobody = 99;

/// A store of this process, as an application may have one.
class shared_entry final : public leader_store {
 public:
  std::string name() const override { return "shared_entry"; }
  std::string may_forget() const override { return {}; }
  expected<leader_reading> get(const std::string&, time_point) override {
    const std::lock_guard lock(mutex_);
    return leader_reading{entry_, 1};
  }
  expected<void> compare_and_set(const std::string&, std::uint64_t version, const leader_entry& next,
                                 time_point) override {
    const std::lock_guard lock(mutex_);
    if ((entry_ ? entry_->version : 0) != version) return fail(errc::condition_failed);
    entry_ = next;
    entry_->released = false;
    return {};
  }
  expected<void> renew(const std::string&, std::uint64_t version, std::uint64_t next, time_point) override {
    return change(version, next, false);
  }
  expected<void> release(const std::string&, std::uint64_t version, std::uint64_t next, time_point) override {
    return change(version, next, true);
  }

 private:
  expected<void> change(std::uint64_t version, std::uint64_t next, bool released) {
    const std::lock_guard lock(mutex_);
    if (!entry_ || entry_->version != version) return fail(errc::condition_failed);
    entry_->version = next;
    entry_->released = released;
    return {};
  }
  std::mutex mutex_;
  std::optional<leader_entry> entry_;
};

class elections : public ::testing::Test {
 protected:
  leader_election_options options(std::size_t i) {
    leader_election_options o;
    o.name = "m" + std::to_string(i);
    o.data_dir = home_.path() + "/" + o.name;
    o.expected_members = 3;
    o.profile = "fast";
    o.log_level = "off";
    if (!seed_.empty()) o.seeds = {seed_};
    return o;
  }
  void start(std::size_t i) { start(i, options(i)); }
  void start(std::size_t i, leader_election_options o) {
    auto made = leader_election::start(std::move(o));
    ASSERT_TRUE(made) << describe(made.error());
    members_[i].emplace(std::move(*made));
    if (seed_.empty()) seed_ = members_[i]->address();
  }
  void start_all() {
    for (std::size_t i = 0; i < members_.size(); ++i) start(i);
    for (auto& m : members_) {
      const auto led = m->wait_for_leader(most);
      ASSERT_TRUE(led) << describe(led.error());
    }
  }
  leader_election& at(std::size_t i) { return *members_.at(i); }

  /// Which one leads, by the word of all that run; nobody when they do not agree.
  std::size_t leader_at() {
    std::optional<std::string> name;
    for (auto& m : members_) {
      if (!m) continue;
      const auto l = m->leader_now();
      if (!l || (name && *name != l->name)) return nobody;
      name = l->name;
    }
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (members_[i] && members_[i]->name() == *name && members_[i]->leads()) return i;
    }
    return nobody;
  }
  std::size_t wait_for_leader_other_than(std::size_t old = nobody) {
    std::size_t found = nobody;
    for (auto& m : members_) {
      if (!m) continue;
      const bool agreed = m->wait_until(
          [&](const cluster_view& v) { return v.leader_now && (old == nobody || v.leader_now->name != name_of(old)); },
          most);
      EXPECT_TRUE(agreed);
      if (!agreed) return nobody;
    }
    const auto end = std::chrono::steady_clock::now() + most;
    do {
      found = leader_at();
      if (found == nobody) std::this_thread::sleep_for(2ms);
    } while (found == nobody && std::chrono::steady_clock::now() < end);
    return found;
  }
  static std::string name_of(std::size_t i) { return "m" + std::to_string(i); }

  const temporary_directory home_;
  std::string seed_;
  std::array<std::optional<leader_election>, 3> members_;
};

TEST_F(elections, one_leads_and_when_it_ends_another_does_with_a_higher_term) {
  start_all();
  const auto first = wait_for_leader_other_than();
  ASSERT_NE(first, nobody);
  const auto token = at(first).fencing_token();
  ASSERT_TRUE(token) << describe(token.error());
  EXPECT_TRUE(token->still_valid());
  for (std::size_t i = 0; i < 3; ++i) {
    if (i != first) {
      EXPECT_EQ(at(i).fencing_token().error().code, errc::unavailable);
    }
  }
  struct seen {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<std::string> here;
  };
  const auto told = std::make_shared<seen>();
  for (std::size_t i = 0; i < 3; ++i) {
    if (i == first) continue;
    at(i).on_change([told, name = name_of(i)](const leadership_change& c) {
      const std::lock_guard lock(told->mutex);
      if (c.leads_here) told->here = name;
      told->changed.notify_all();
    });
  }
  members_[first]->stop();  // without a word
  EXPECT_FALSE(token->still_valid());
  members_[first].reset();
  const auto second = wait_for_leader_other_than(first);
  ASSERT_NE(second, nobody);
  const auto next = at(second).fencing_token();
  ASSERT_TRUE(next) << describe(next.error());
  EXPECT_GT(next->term(), token->term());
  fence guard;
  EXPECT_TRUE(guard.admit(*next));
  EXPECT_EQ(guard.admit(*token).error().code, errc::stale_term) << "the first leader's term is lower";
  std::unique_lock lock(told->mutex);
  EXPECT_TRUE(told->changed.wait_for(lock, most, [&] { return told->here == name_of(second); }));
}

TEST_F(elections, the_lead_is_handed_over_on_request_and_on_leaving) {
  start_all();
  const auto first = wait_for_leader_other_than();
  ASSERT_NE(first, nobody);
  const auto heir = (first + 1) % 3;
  const auto handed = at((first + 2) % 3).hand_over(name_of(heir));
  ASSERT_TRUE(handed) << describe(handed.error());
  EXPECT_EQ(*handed, name_of(heir));
  EXPECT_EQ(wait_for_leader_other_than(first), heir);
  EXPECT_FALSE(at(first).hand_over("stranger"));
  const auto left = members_[heir]->leave();
  EXPECT_TRUE(left) << describe(left.error());
  members_[heir].reset();
  EXPECT_NE(wait_for_leader_other_than(heir), nobody);
}

TEST_F(elections, a_minority_leads_nobody) {
  start_all();
  const auto first = wait_for_leader_other_than();
  ASSERT_NE(first, nobody);
  const auto rest = (first + 1) % 3;
  members_[first].reset();
  members_[(first + 2) % 3].reset();
  EXPECT_TRUE(at(rest).wait_until([](const cluster_view& v) { return !v.leader_now; }, most));
  EXPECT_FALSE(at(rest).leads());
  start((first + 2) % 3);
  EXPECT_NE(wait_for_leader_other_than(), nobody) << "two of three are enough again";
}

TEST_F(elections, locks_and_roles_work_without_a_node) {
  start_all();
  const auto held = at(0).lock({.name = "jobs"});
  ASSERT_TRUE(held) << describe(held.error());
  EXPECT_EQ(at(1).lock({.name = "jobs"}).error().code, errc::condition_failed);
  auto mine = *held;
  mine.release();
  EXPECT_TRUE(at(1).lock({.name = "jobs", .wait = 10s}));
  std::atomic<bool> leads{false};
  ASSERT_TRUE(at(2).lead("reports", [&](const role_change& c) { leads = c.leads; }));
  EXPECT_TRUE(at(0).wait_until(
      [](const cluster_view& v) {
        return std::any_of(v.locks.begin(), v.locks.end(),
                           [](const auto& row) { return row.name == "reports" && !row.holders.empty(); });
      },
      most));
  EXPECT_TRUE(at(2).resign_role("reports"));
  members_[2]->stop();
}

TEST_F(elections, a_store_of_the_applications_own_decides) {
  const auto store = std::make_shared<shared_entry>();
  for (std::size_t i = 0; i < 3; ++i) {
    auto o = options(i);
    o.own_store = store;
    start(i, std::move(o));
  }
  const auto first = wait_for_leader_other_than();
  ASSERT_NE(first, nobody);
  const auto term = at(first).fencing_token()->term();
  members_[first].reset();
  const auto second = wait_for_leader_other_than(first);
  ASSERT_NE(second, nobody);
  EXPECT_GT(at(second).fencing_token()->term(), term);
  for (auto& m : members_) m.reset();
}

TEST_F(elections, alone_it_leads_itself_and_each_life_has_a_higher_term) {
  std::uint64_t term = 0;
  for (int life = 0; life < 2; ++life) {
    auto o = options(0);
    o.expected_members = 1;
    o.seeds = {};
    start(0, std::move(o));
    EXPECT_TRUE(at(0).wait_for_leader(most));
    EXPECT_TRUE(at(0).wait_until([this](const cluster_view&) { return at(0).leads(); }, most));
    const auto token = at(0).fencing_token();
    ASSERT_TRUE(token) << describe(token.error());
    EXPECT_GT(token->term(), term);
    term = token->term();
    EXPECT_EQ(leader_election::start([&] {
                auto same = options(0);
                same.expected_members = 1;
                return same;
              }())
                  .error()
                  .code,
              errc::storage_failed)
        << "the directory is taken";
    members_[0].reset();
  }
}

TEST_F(elections, bad_options_are_refused_and_after_the_end_calls_say_so) {
  const auto code = [this](const std::function<void(leader_election_options&)>& spoil) {
    auto o = options(0);
    spoil(o);
    auto made = leader_election::start(std::move(o));
    return made ? errc::ok : made.error().code;
  };
  EXPECT_EQ(code([](auto& o) { o.name = ""; }), errc::bad_config);
  EXPECT_EQ(code([](auto& o) { o.data_dir = ""; }), errc::bad_config);
  EXPECT_EQ(code([](auto& o) { o.data_dir = "/proc/no/such"; }), errc::storage_failed);
  EXPECT_EQ(code([](auto& o) { o.expected_members = 0; }), errc::bad_config);
  EXPECT_EQ(code([](auto& o) { o.bind = "0.0.0.0:0"; }), errc::bad_config);
  EXPECT_EQ(code([](auto& o) { o.store = "paper"; }), errc::bad_config);
  EXPECT_EQ(code([](auto& o) { o.store = "builtin"; }), errc::bad_config);
  EXPECT_EQ(code([](auto& o) { o.store = "redis"; }), errc::bad_config) << "no addresses";
  EXPECT_EQ(code([](auto& o) { o.store = "postgres"; }), errc::bad_config) << "no dsn";

  start(0);
  at(0).stop();
  EXPECT_EQ(at(0).hand_over().error().code, errc::unavailable);
  EXPECT_EQ(at(0).lock({.name = "x"}).error().code, errc::unavailable);
  EXPECT_EQ(at(0).lead("x", [](const role_change&) {}).error().code, errc::unavailable);
  EXPECT_EQ(at(0).fencing_token().error().code, errc::unavailable);
  EXPECT_TRUE(at(0).leave());
  EXPECT_NE(at(0).metrics().find("troupe_membership_"), std::string::npos);
}

}  // namespace
}  // namespace troupe
