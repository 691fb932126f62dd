// The thread that has a store tell of changes, with a store that a test holds in its hand.
#include "actors/cluster/store_watch.hpp"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr duration patience = 20s;  // a deadline, never a measure

class scripted_store final : public leader_store {
 public:
  using answer = std::function<expected<void>(std::uint64_t version)>;

  std::string name() const override { return "scripted"; }
  std::string may_forget() const override { return {}; }
  expected<leader_reading> get(const std::string&, time_point) override { return leader_reading{}; }
  expected<void> compare_and_set(const std::string&, std::uint64_t, const leader_entry&, time_point) override {
    return {};
  }
  expected<void> renew(const std::string&, std::uint64_t, std::uint64_t, time_point) override { return {}; }
  expected<void> release(const std::string&, std::uint64_t, std::uint64_t, time_point) override { return {}; }

  expected<void> watch(const std::string&, std::uint64_t version, time_point deadline) override {
    std::unique_lock lock(mutex_);
    watched_ = version;
    ++calls_;
    changed_.notify_all();
    if (script_) return script_(version);
    const bool other = changed_.wait_until(lock, deadline, [&] { return version_ != version; });
    return other ? expected<void>() : expected<void>(fail(errc::deadline_exceeded));
  }
  void end_watch() override {
    const std::lock_guard lock(mutex_);
    ++ends_;
    changed_.notify_all();
  }

  void change(std::uint64_t version) {
    const std::lock_guard lock(mutex_);
    version_ = version;
    changed_.notify_all();
  }
  void answer_by(answer script) {
    const std::lock_guard lock(mutex_);
    script_ = std::move(script);
  }
  bool wait(const std::function<bool(const scripted_store&)>& holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return holds(*this); });
  }
  bool wait_watched(std::uint64_t version) {
    return wait([version](const scripted_store& s) { return s.watched_ == version; });
  }

  // Under its lock, or when nothing runs any more.
  std::uint64_t watched_ = 0;
  int calls_ = 0;
  int ends_ = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t version_ = 1;
  answer script_;
};

struct store_watching : ::testing::Test {
  void start(duration idle = store_watch::idle_max) {
    store_watch::ports ports;
    ports.hint = [this] { return on_hint(); };
    ports.failed = [this](const error&) { ++failed; };
    ports.idle = idle;
    watch = std::make_unique<store_watch>(store, "key", std::move(ports), random(1));
  }
  bool on_hint() {
    const std::lock_guard lock(mutex);
    ++hints;
    told.notify_all();
    return !full;
  }
  bool wait_hints(int n) {
    std::unique_lock lock(mutex);
    return told.wait_for(lock, patience, [&] { return hints >= n; });
  }
  std::shared_ptr<scripted_store> store = std::make_shared<scripted_store>();
  std::mutex mutex;
  std::condition_variable told;
  std::atomic<int> hints{0};
  std::atomic<bool> full{false};
  std::atomic<int> failed{0};
  std::unique_ptr<store_watch> watch;  // the first to go
};

TEST_F(store_watching, tells_once_that_another_version_is_there_and_goes_on_from_what_is_known_then) {
  start();
  watch->follow(store_sight{1, 1});
  ASSERT_TRUE(store->wait_watched(1));
  store->change(2);
  ASSERT_TRUE(wait_hints(1));
  watch->follow(store_sight{2, 2});
  ASSERT_TRUE(store->wait_watched(2));
  EXPECT_EQ(hints, 1);
  store->change(3);
  ASSERT_TRUE(wait_hints(2));
  EXPECT_EQ(watch->numbers().false_hints, 0U);
}

TEST_F(store_watching, is_silent_about_a_change_that_is_known_already) {
  start();
  watch->follow(store_sight{1, 1});
  ASSERT_TRUE(store->wait_watched(1));
  watch->follow(store_sight{2, 1});
  store->change(2);
  ASSERT_TRUE(store->wait_watched(2));
  EXPECT_EQ(hints, 0);
}

TEST_F(store_watching, ends_quietly_when_the_store_cannot_tell) {
  store->answer_by([](std::uint64_t) { return fail(errc::not_implemented); });
  start();
  watch->follow(store_sight{1, 1});
  ASSERT_TRUE(store->wait([](const auto& s) { return s.ends_ > 0; }));
  watch->follow(store_sight{2, 2});
  watch->stop();
  EXPECT_EQ(store->calls_, 1);
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(hints, 0);
}

TEST_F(store_watching, says_once_in_a_row_that_it_fails_and_goes_on) {
  store->answer_by([](std::uint64_t) { return fail(errc::unavailable, "gone"); });
  start();
  watch->follow(store_sight{1, 1});
  ASSERT_TRUE(store->wait([](const auto& s) { return s.calls_ > 2; }));
  EXPECT_EQ(failed, 1);
  EXPECT_GE(watch->numbers().failures, 2U);
  store->answer_by({});
  store->change(2);
  EXPECT_TRUE(wait_hints(1));
}

TEST_F(store_watching, listens_less_and_less_to_a_store_that_tells_of_changes_that_are_none) {
  store->answer_by([](std::uint64_t) { return expected<void>(); });
  start();
  const auto begin = std::chrono::steady_clock::now();
  constexpr int rounds = 5;
  for (int i = 1; i <= rounds; ++i) {
    watch->follow(store_sight{1, static_cast<std::uint64_t>(i)});
    ASSERT_TRUE(wait_hints(i));
  }
  duration least{};  // half of each pause is drawn
  for (int i = 0; i < rounds - 1; ++i) least += store_watch::pause_min / 2 * (1 << i);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, least);
  EXPECT_EQ(watch->numbers().false_hints, static_cast<std::uint64_t>(rounds - 1));
}

TEST_F(store_watching, tells_again_what_could_not_be_taken) {
  start();
  full = true;
  watch->follow(store_sight{1, 1});
  store->change(2);
  ASSERT_TRUE(wait_hints(1));
  full = false;
  EXPECT_TRUE(wait_hints(2));
}

TEST_F(store_watching, gives_the_stores_connection_up_when_nothing_is_to_be_watched) {
  start(20ms);
  watch->follow(store_sight{1, 1});
  ASSERT_TRUE(store->wait_watched(1));
  watch->follow(std::nullopt);
  EXPECT_TRUE(store->wait([](const auto& s) { return s.ends_ > 0; }));
  store->change(2);
  watch->follow(store_sight{2, 2});
  EXPECT_TRUE(store->wait_watched(2)) << "and begins again";
  EXPECT_EQ(hints, 0);
}

TEST_F(store_watching, its_end_waits_for_one_call_at_most_and_none_follows) {
  start();
  watch->follow(store_sight{1, 1});
  ASSERT_TRUE(store->wait_watched(1));
  const auto begin = std::chrono::steady_clock::now();
  watch->stop();
  watch->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, store_watch::slice + patience / 4);
  EXPECT_GT(store->ends_, 0);
  const auto calls = store->calls_;
  store->change(2);
  watch->follow(store_sight{2, 2});
  EXPECT_EQ(store->calls_, calls);
  EXPECT_EQ(hints, 0);
}

}  // namespace
}  // namespace troupe
