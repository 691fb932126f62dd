// The lock table's and the messages' bytes: what comes back, and what is refused.
#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/locks/lock_message.hpp"
#include "runtime/locks/lock_table.hpp"

namespace troupe {
namespace {

using std::chrono::seconds;

lock_table sample() {
  lock_table t;
  t.last_token = 9;
  t.rows[{lock_kind::lock, "x"}] = {1, {{3, {"a", {1, 2}}, 7, seconds(10)}}};
  t.rows[{lock_kind::semaphore, "x"}] = {3, {{4, {"a", {1, 2}}, 8, seconds(10)}, {9, {"b", {3, 4}}, 1, seconds(60)}}};
  t.rows[{lock_kind::role, "reports"}] = {1, {{5, {"b", {3, 4}}, 2, seconds(5)}}};
  return t;
}

TEST(lock_table, comes_back_as_it_was_written) {
  EXPECT_EQ(*decode_lock_table(encode(sample())), sample());
  EXPECT_EQ(*decode_lock_table(""), lock_table{});
}

TEST(lock_table, truncation_at_each_byte_and_random_bytes_do_no_harm) {
  const auto bytes = encode(sample());
  for (std::size_t n = 0; n < bytes.size(); ++n) (void)decode_lock_table(bytes.substr(0, n));
  random rng(3);
  for (int i = 0; i < 2000; ++i) {
    auto broken = bytes;
    for (int k = 0; k < 3; ++k) broken[rng.below(broken.size())] = static_cast<char>(rng.next());
    const auto table = decode_lock_table(broken);
    if (!table) continue;
    EXPECT_EQ(*decode_lock_table(encode(*table)), *table);
  }
}

TEST(lock_table, unsound_ones_are_corrupt) {
  const auto refused = [](const std::function<void(lock_table&)>& change) {
    auto t = sample();
    change(t);
    return decode_lock_table(encode(t)).error().code == errc::corrupt;
  };
  auto grants = [](lock_table& t) -> std::vector<lock_grant>& { return t.rows[{lock_kind::lock, "x"}].grants; };
  EXPECT_TRUE(refused([](lock_table& t) { t.last_token = 8; }));
  EXPECT_TRUE(refused([&](lock_table& t) { grants(t)[0].token = 0; }));
  EXPECT_TRUE(refused([&](lock_table& t) { grants(t)[0].token = 4; })) << "a token twice";
  EXPECT_TRUE(refused([&](lock_table& t) { grants(t)[0].ttl = seconds(0); }));
  EXPECT_TRUE(refused([&](lock_table& t) { grants(t)[0].holder.id = {}; }));
  EXPECT_TRUE(refused([&](lock_table& t) { grants(t).clear(); }));
  EXPECT_TRUE(refused([&](lock_table& t) { grants(t).push_back({8, {"c", {1, 1}}, 1, seconds(5)}); }));
  EXPECT_TRUE(refused([](lock_table& t) { t.rows[{lock_kind::lock, "x"}].permits = 2; }));
  EXPECT_TRUE(refused([](lock_table& t) { t.rows[{lock_kind::semaphore, "x"}].permits = 257; }));
  EXPECT_TRUE(refused([](lock_table& t) { t.rows[{lock_kind::lock, "a b"}] = t.rows[{lock_kind::lock, "x"}]; }));
}

TEST(lock_table, a_full_one_fits_the_record) {
  lock_table t;
  for (std::size_t i = 0; i < lock_rows_max; ++i) {
    auto& row = t.rows[{lock_kind::semaphore, std::string(60, 'n') + std::to_string(1000 + i)}];
    row.permits = 2;
    for (int k = 0; k < 2; ++k) {
      row.grants.push_back({++t.last_token, {std::string(64, 'm'), {~0ULL, ~0ULL}}, ~0ULL, lock_ttl_max});
    }
  }
  EXPECT_EQ(t.grants(), lock_grants_max);
  EXPECT_LE(encode(t).size(), record_locks_bytes_max);
  EXPECT_TRUE(decode_lock_table(encode(t)));
}

TEST(lock_request, bad_ones_are_named) {
  EXPECT_EQ(fault_of(lock_request{lock_kind::lock, "Reports.eu-1:x_2", 1, seconds(1), {}}), "");
  for (const std::string& name :
       {std::string(), std::string(65, 'x'), std::string("a/b"), std::string("a b"), std::string("\xc3\xa4")}) {
    EXPECT_NE(fault_of(lock_request{lock_kind::lock, name, 1, seconds(1), {}}), "") << name;
  }
  EXPECT_NE(fault_of(lock_request{lock_kind::lock, "x", 2, seconds(1), {}}), "");
  EXPECT_NE(fault_of(lock_request{lock_kind::semaphore, "x", 0, seconds(1), {}}), "");
  EXPECT_NE(fault_of(lock_request{lock_kind::semaphore, "x", 257, seconds(1), {}}), "");
  EXPECT_NE(fault_of(lock_request{lock_kind::lock, "x", 1, std::chrono::milliseconds(999), {}}), "");
  EXPECT_NE(fault_of(lock_request{lock_kind::lock, "x", 1, seconds(601), {}}), "");
  EXPECT_NE(fault_of(lock_request{lock_kind::lock, "x", 1, seconds(1), seconds(-1)}), "");
}

TEST(lock_message, comes_back_and_bad_bytes_are_corrupt) {
  lock_message m{7, true, {}};
  lock_item item;
  item.what = lock_word::refused;
  item.claim = 5;
  item.key = {lock_kind::role, "reports"};
  item.permits = 1;
  item.ttl = seconds(5);
  item.token = 12;
  item.at_once = true;
  item.code = errc::condition_failed;
  item.reason = "held by b";
  m.items = {item, item};
  const auto bytes = encode(m);
  const auto back = decode_lock_message(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) (void)decode_lock_message(bytes.substr(0, n));
  random rng(4);
  for (int i = 0; i < 2000; ++i) {
    auto broken = bytes;
    for (int k = 0; k < 3; ++k) broken[rng.below(broken.size())] = static_cast<char>(rng.next());
    (void)decode_lock_message(broken);
  }
  m.items.resize(lock_items_max + 1, item);
  EXPECT_EQ(decode_lock_message(encode(m)).error().code, errc::corrupt);
  m.items = {item};
  m.items[0].key.name.clear();
  EXPECT_EQ(decode_lock_message(encode(m)).error().code, errc::corrupt);
}

}  // namespace
}  // namespace troupe
