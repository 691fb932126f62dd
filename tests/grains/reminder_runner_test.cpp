// The reminders of a node that has nothing but its stores: a clock that a test moves, and grains that answer as it
// says.
#include "actors/grains/reminder_runner.hpp"

#include <gtest/gtest.h>

#include "actors/cache/cache_router.hpp"
#include "actors/clock.hpp"
#include "actors/grains/grain_mail.hpp"
#include "actors/messages/error.hpp"
#include "actors/supervision/actor_runtime.hpp"
#include "runtime/grains/grain_name.hpp"
#include "runtime/reminders/reminder_entry.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class stepped_clock final : public virtual_clock {
 public:
  [[nodiscard]] time_point now() const noexcept override { return now_; }
  void call_at(time_point at, std::function<void()> f) override { calls_.emplace(std::max(at, now_), std::move(f)); }
  void pass(duration d) {
    const auto end = now_ + d;
    while (!calls_.empty() && calls_.begin()->first <= end) {
      const auto next = calls_.extract(calls_.begin());
      now_ = next.key();
      next.mapped()();
    }
    now_ = end;
  }

 private:
  time_point now_{1h};
  std::multimap<time_point, std::function<void()>> calls_;
};

struct reminder_runner_test : ::testing::Test {
  static constexpr std::uint64_t me = 1;
  static constexpr std::uint64_t other = 2;
  struct letter {
    std::string grain;
    reminder_fired what;
    caf::strong_actor_ptr desk;
    caf::message_id number;
  };

  reminder_runner_test() {
    table.rows.resize(host.shards());
    kind->options.reminder_cache = "default";
    kind->reminders = cache(router, "default");
    reminder_runner::surroundings with{runtime->system(), io, host, *log, {}, {}, {}};
    with.deliver = [this](reminder_runner::delivery d) {
      letters.push_back({std::string(d.to.id), std::as_const(*d.what).content().get_as<reminder_fired>(0),
                         d.what->sender, d.what->mid});
    };
    with.kind = [this](std::string_view type) {
      if (const auto f = std::exchange(before_firing, nullptr)) f();
      return type == "bell" ? kind : nullptr;
    };
    runner = std::make_shared<reminder_runner>(std::move(with));
    host.on_tenures([this] { runner->follow(); });
    EXPECT_TRUE(runner->start());
    runner->watch(kind->reminders_id);
    runner->register_metrics(numbers);
    give(me, {});
  }
  ~reminder_runner_test() override { runner->close(); }

  /// All shards have this primary from now on, and these copies, which are in sync.
  void give(std::uint64_t primary, std::vector<std::uint64_t> copies) {
    table.stamp = {1, table.stamp.epoch + 1};
    for (auto& row : table.rows) row = {primary, copies, copies, table.stamp.epoch, 1};
    EXPECT_TRUE(host.adopt(table, me));
  }
  std::shared_ptr<grain_seat> seat(const std::string& id) const {
    auto s = std::make_shared<grain_seat>();
    s->kind = kind;
    s->type = "bell";
    s->id = id;
    s->key = grain_key(s->type, id);
    s->shard = host.shard_of_key(s->key);
    return s;
  }
  void set(const std::string& id, duration in, duration period = {}) {
    const auto due = std::chrono::ceil<std::chrono::milliseconds>(wall_clock_now() + in);
    errc code = errc::deadline_exceeded;
    runner->remind(*seat(id), {"ring", due, period},
                   [&](const expected<void>& r) { code = r ? errc::ok : r.error().code; });
    EXPECT_EQ(code, errc::ok);
  }
  void forget(const std::string& id) {
    errc code = errc::deadline_exceeded;
    runner->forget(*seat(id), "ring", [&](const expected<void>& r) { code = r ? errc::ok : r.error().code; });
    EXPECT_EQ(code, errc::ok);
  }
  /// When it is due, in the store; none: the store has no such reminder.
  std::optional<wall_time> stored(const std::string& id) {
    const auto key = *reminder_prefix("bell", id) + "ring";
    return host.with_shard(host.shard_of_key(key), [&](held_shard& s) -> std::optional<wall_time> {
      const auto e = s.store().peek(0, key, clock.now());
      if (!e) return std::nullopt;
      const auto read = decode_reminder(e->value);
      return read ? std::optional(wall_time_of(read->due)) : std::nullopt;
    });
  }
  /// Who was sent something since the last call.
  std::vector<std::string> rung() {
    std::vector<std::string> grains;
    for (; seen < letters.size(); ++seen) grains.push_back(letters[seen].grain);
    return grains;
  }
  void answer(bool handled) {
    const auto& l = letters.back();
    auto words = handled ? caf::make_message(1) : caf::make_message(to_caf({errc::unavailable, "not now"}));
    l.desk->enqueue(nullptr, l.number.response_id(), std::move(words), nullptr);
  }

  using names = std::vector<std::string>;
  stepped_clock clock;
  virtual_clock::scope here{clock};
  std::shared_ptr<event_log> log = event_log::none();
  io_pool io{1};
  std::unique_ptr<actor_runtime> runtime = actor_runtime::stepped({});
  shard_host host{{8, 1 << 26, eviction_policy::lru, 42, {}}};
  cache_catalogue caches{{}, 0};
  std::shared_ptr<cache_router> router = std::make_shared<cache_router>(host, caches, 1 << 20);
  std::shared_ptr<grain_type> kind = std::make_shared<grain_type>();
  shard_table table;
  std::vector<letter> letters;
  std::size_t seen = 0;
  std::function<void()> before_firing;  // once, when the type of its grain is asked for
  metrics numbers;
  std::shared_ptr<reminder_runner> runner;
};

TEST_F(reminder_runner_test, sends_nothing_to_a_grain_without_the_lease) {
  set("a", 1s);
  host.serve_until(clock.now() + 900ms);
  clock.pass(1min);
  EXPECT_EQ(rung(), names{});
  host.serve_until(time_point::max());
  clock.pass(reminder_runner::unready_tick);
  EXPECT_EQ(rung(), names{"a"});
}

TEST_F(reminder_runner_test, sends_nothing_for_a_shard_that_is_elsewhere_and_all_that_is_due_when_it_comes_back) {
  set("a", 1s);
  give(other, {me});
  clock.pass(1min);
  EXPECT_EQ(rung(), names{});
  give(me, {});
  clock.pass(0ms);
  EXPECT_EQ(rung(), names{"a"});
}

TEST_F(reminder_runner_test, what_was_due_when_its_shard_went_was_not_handled) {
  set("a", 1s);
  clock.pass(999ms);
  before_firing = [this] { give(other, {me}); };
  clock.pass(1min);
  EXPECT_FALSE(before_firing);
  EXPECT_EQ(rung(), names{});
  EXPECT_NE(numbers.expose().find("troupe_reminders_handled_total 0\n"), std::string::npos);
  EXPECT_NE(numbers.expose().find("troupe_reminders_failed_total 1\n"), std::string::npos);
  give(me, {});
  clock.pass(0ms);
  EXPECT_EQ(rung(), names{"a"});
}

TEST_F(reminder_runner_test, what_is_set_anew_or_forgotten_just_before_it_fires_is_not_sent) {
  set("a", 1s);
  clock.pass(999ms);
  before_firing = [this] { set("a", 10s); };
  clock.pass(9s);
  EXPECT_FALSE(before_firing);
  EXPECT_EQ(rung(), names{});
  clock.pass(999ms);
  before_firing = [this] { forget("a"); };
  clock.pass(1min);
  EXPECT_FALSE(before_firing);
  EXPECT_EQ(rung(), names{});
}

TEST_F(reminder_runner_test, finds_in_the_store_of_a_shard_that_it_gets_what_another_node_has_set) {
  constexpr std::size_t many = reminder_runner::page_entries + 100;
  give(other, {me});
  const auto value = encode(reminder_entry{1, 0, {}});
  for (std::uint64_t i = 0; i < many; ++i) {
    const auto key = *reminder_prefix("bell", "{x}" + std::to_string(i)) + "ring";
    ASSERT_TRUE(host.copy(host.shard_of_key(key), {0, key, value, i + 1}, clock.now()));
  }
  clock.pass(1min);
  EXPECT_EQ(rung(), names{});
  give(me, {});
  clock.pass(0ms);
  EXPECT_EQ(rung().size(), many);
}

TEST_F(reminder_runner_test, sends_again_what_its_grain_did_not_handle_and_erases_what_it_did) {
  set("a", 1s);
  clock.pass(1s);
  EXPECT_EQ(rung(), names{"a"});
  answer(false);
  EXPECT_TRUE(stored("a"));
  clock.pass(999ms);
  EXPECT_EQ(rung(), names{});
  clock.pass(1ms);
  EXPECT_EQ(rung(), names{"a"});
  clock.pass(32s);  // nobody answers: that has failed, too
  EXPECT_EQ(rung(), names{"a"});
  EXPECT_TRUE(stored("a"));
  answer(true);
  EXPECT_FALSE(stored("a"));
  clock.pass(5min);
  EXPECT_EQ(rung(), names{});
}

TEST_F(reminder_runner_test, moves_a_periodic_one_to_its_next_time_in_the_store) {
  set("a", 1s, 1s);
  const auto first = stored("a");
  ASSERT_TRUE(first);
  clock.pass(1s);
  EXPECT_EQ(rung(), names{"a"});
  answer(true);
  EXPECT_EQ(stored("a"), *first + 1s);
  clock.pass(999ms);
  EXPECT_EQ(rung(), names{});
  clock.pass(1ms);
  EXPECT_EQ(rung(), names{"a"});
  EXPECT_EQ(letters.back().what.due, *first + 1s);
  clock.pass(2500ms);  // the handler takes its time
  answer(true);
  EXPECT_EQ(stored("a"), *first + 2s);
  clock.pass(0ms);
  EXPECT_EQ(rung(), names{"a"});
  EXPECT_EQ(letters.back().what.missed, 1U);
}

TEST_F(reminder_runner_test, what_is_forgotten_is_in_no_store_and_not_due_any_more_nor_is_what_was_set_anew) {
  set("a", 1s);
  clock.pass(1s);
  ASSERT_EQ(rung(), names{"a"});
  const auto first = letters.back().what;
  EXPECT_TRUE(runner->is_due(*seat("a"), first));
  set("a", 1s);
  EXPECT_FALSE(runner->is_due(*seat("a"), first)) << "it was set anew while it was on its way";
  clock.pass(1s);
  ASSERT_EQ(rung(), names{"a"});
  const auto second = letters.back().what;
  EXPECT_TRUE(runner->is_due(*seat("a"), second));
  forget("a");
  EXPECT_FALSE(stored("a"));
  EXPECT_FALSE(runner->is_due(*seat("a"), second));
  clock.pass(5min);
  EXPECT_EQ(rung(), names{});
  forget("a");
}

TEST_F(reminder_runner_test, is_due_at_no_node_that_does_not_serve_the_shard) {
  set("a", 1s);
  clock.pass(1s);
  ASSERT_EQ(rung(), names{"a"});
  give(other, {me});
  EXPECT_FALSE(runner->is_due(*seat("a"), letters.back().what));
}

}  // namespace
}  // namespace troupe
