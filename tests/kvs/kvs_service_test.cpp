// The key-value service of a node with a real actor, file and disk; and the leader's store on top of it.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "actors/io_pool.hpp"
#include "actors/kvs/kvs_flush.hpp"
#include "actors/kvs/kvs_service.hpp"
#include "actors/supervision/actor_runtime.hpp"
#include "gateways/kvs/builtin_store.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class kvs_on_disk : public ::testing::Test {
 protected:
  kvs_on_disk() {
    std::string pattern = (std::filesystem::temp_directory_path() / "troupe-kvs-XXXXXX").string();
    home = ::mkdtemp(pattern.data());
    settings.node.name = "a";
    settings.node.services = {"kvs"};
  }
  ~kvs_on_disk() override {
    stop();
    std::filesystem::remove_all(home);
  }

  expected<void> start() {
    io = std::make_unique<io_pool>(1);
    io->start();
    service = std::make_unique<kvs_service>(kvs_service::surroundings{settings,
                                                                      home,
                                                                      {++starts, 1},
                                                                      starts,
                                                                      io->context(0),
                                                                      board,
                                                                      events,
                                                                      *log,
                                                                      [](const link_target&, const std::string&) {},
                                                                      [this](const std::string& fault) {
                                                                        const std::lock_guard lock(mutex);
                                                                        shown = fault;
                                                                      }});
    auto child = service->make_actor();
    if (!child) return tl::unexpected(child.error());
    actors = std::make_unique<actor_runtime>(settings.node);
    slot = child->slot;
    std::vector<child_spec> children;
    children.push_back(std::move(*child));
    actors->start(std::move(children), *log, events, 1);
    service->start();
    return {};
  }
  void stop() {
    if (actors) (void)actors->stop();
    if (service) service->stop();
    if (io) io->stop();
    actors.reset();
    service.reset();
    io.reset();
  }

  kvs_result ask(kvs_request r) {
    r.deadline = std::chrono::steady_clock::now() + 5s;
    auto answer = std::make_shared<std::promise<kvs_result>>();
    auto came = answer->get_future();
    service->ask(std::move(r), [answer](kvs_result result) { answer->set_value(std::move(result)); });
    return came.get();
  }
  kvs_result put(const std::string& key, const std::string& value) {
    kvs_request r;
    r.op = kvs_op::put;
    r.key = key;
    r.value = value;
    return ask(r);
  }
  kvs_result get(const std::string& key) {
    kvs_request r;
    r.key = key;
    return ask(r);
  }
  [[nodiscard]] std::string file() const { return home + "/kvs"; }

  std::string home;
  config settings;
  cluster_board board;
  event_hub events;
  std::shared_ptr<event_log> log = event_log::none();
  std::uint64_t starts = 0;
  std::shared_ptr<child_slot> slot;
  std::unique_ptr<io_pool> io;
  std::unique_ptr<kvs_service> service;
  std::unique_ptr<actor_runtime> actors;
  std::mutex mutex;
  std::string shown;
};

TEST_F(kvs_on_disk, keeps_what_it_answered_over_restarts) {
  ASSERT_TRUE(start());
  const auto first = put("k", "one");
  ASSERT_EQ(first.code, errc::ok) << first.context;
  ASSERT_EQ(put("k", "two").code, errc::ok);
  stop();
  ASSERT_TRUE(start());
  const auto read = get("k");
  EXPECT_EQ(read.value, "two");
  EXPECT_GT(read.version, first.version);
}

TEST_F(kvs_on_disk, a_torn_tail_is_dropped_and_damage_before_it_is_refused) {
  ASSERT_TRUE(start());
  ASSERT_EQ(put("k", "one").code, errc::ok);
  stop();
  std::ofstream(file(), std::ios::app | std::ios::binary) << "TKV1\x40";
  ASSERT_TRUE(start());
  EXPECT_EQ(get("k").value, "one");
  ASSERT_EQ(put("k", "two").code, errc::ok);
  stop();
  {
    std::fstream damaged(file(), std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(20);
    damaged.put('\x7f');
  }
  const auto refused = start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::corrupt);
}

TEST_F(kvs_on_disk, its_file_does_not_grow_without_end) {
  ASSERT_TRUE(start());
  for (int i = 0; i < 40; ++i)
    ASSERT_EQ(put("k", std::string(500'000, static_cast<char>('a' + i % 26))).code, errc::ok);
  EXPECT_LT(std::filesystem::file_size(file()), 8U << 20U);
  EXPECT_EQ(get("k").value.size(), 500'000U);
}

TEST_F(kvs_on_disk, an_actor_that_failed_begins_with_what_is_on_the_disk) {
  ASSERT_TRUE(start());
  ASSERT_EQ(put("k", "one").code, errc::ok);
  const auto before = slot->get();
  caf::anon_send_exit(before, caf::exit_reason::out_of_workers);
  kvs_result read;
  for (int i = 0; i < 50 && (read = get("k")).code != errc::ok; ++i) {
  }
  EXPECT_EQ(read.value, "one");
  EXPECT_NE(slot->get(), before);
}

TEST_F(kvs_on_disk, a_flush_deletes_all_but_the_clusters_own_keys) {
  ASSERT_TRUE(start());
  for (int i = 0; i < 700; ++i) ASSERT_EQ(put("k" + std::to_string(i), "v").code, errc::ok);
  ASSERT_EQ(put("troupe/x/leader", "v").code, errc::ok);
  auto answer = std::make_shared<std::promise<expected<std::uint64_t>>>();
  flush_kvs(*service, std::chrono::steady_clock::now() + 60s,
            [answer](expected<std::uint64_t> deleted) { answer->set_value(std::move(deleted)); });
  const auto deleted = answer->get_future().get();
  ASSERT_TRUE(deleted) << describe(deleted.error());
  EXPECT_EQ(*deleted, 700U);
  EXPECT_EQ(get("k5").code, errc::not_found);
  EXPECT_EQ(get("troupe/x/leader").code, errc::ok);
}

TEST_F(kvs_on_disk, after_a_stop_everything_is_answered_at_once) {
  ASSERT_TRUE(start());
  (void)actors->stop();
  service->stop();
  EXPECT_EQ(get("k").code, errc::unavailable);
}

// --- the leader's store

leader_entry entry_of(std::uint64_t version, std::uint64_t term) {
  leader_entry e;
  e.version = version;
  e.term = term;
  e.leader = "node one";
  e.leader_id = {7, term};
  e.lease = 3s;
  e.record = std::string("bytes\0with\nall\xff kinds", 20);
  return e;
}

TEST_F(kvs_on_disk, a_leaders_entry_changes_by_compare_and_set_alone) {
  ASSERT_TRUE(start());
  builtin_store store(*service);
  builtin_store other(*service);
  const std::string key = "troupe/test/leader";
  const auto soon = [] { return std::chrono::steady_clock::now() + 5s; };
  ASSERT_TRUE(store.get(key, soon()));
  EXPECT_FALSE(store.get(key, soon())->entry);
  const auto first = entry_of(~std::uint64_t{0}, 1);
  ASSERT_TRUE(store.compare_and_set(key, 0, first, soon()));
  EXPECT_EQ(*other.get(key, soon())->entry, first);
  EXPECT_EQ(other.compare_and_set(key, 0, entry_of(2, 2), soon()).error().code, errc::condition_failed);
  EXPECT_EQ(other.compare_and_set(key, 5, entry_of(2, 2), soon()).error().code, errc::condition_failed);
  ASSERT_TRUE(store.renew(key, first.version, 8, soon()));
  EXPECT_EQ(other.renew(key, first.version, 9, soon()).error().code, errc::condition_failed);
  ASSERT_TRUE(other.release(key, 8, 10, soon()));
  const auto released = store.get(key, soon());
  ASSERT_TRUE(released && released->entry);
  EXPECT_TRUE(released->entry->released);
  EXPECT_EQ(released->entry->version, 10U);
  EXPECT_EQ(released->entry->record, first.record);
  ASSERT_TRUE(store.compare_and_set(key, 10, entry_of(11, 2), soon()));
  EXPECT_EQ(*other.get(key, soon())->entry, entry_of(11, 2));
  EXPECT_EQ(store.may_forget(), "");
}

TEST_F(kvs_on_disk, something_foreign_under_the_leaders_key_is_told) {
  ASSERT_TRUE(start());
  ASSERT_EQ(put("troupe/test/leader", "not an entry").code, errc::ok);
  builtin_store store(*service);
  const auto read = store.get("troupe/test/leader", std::chrono::steady_clock::now() + 5s);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::corrupt);
}

TEST_F(kvs_on_disk, calls_of_the_leaders_store_end_in_time_without_members) {
  settings.node.services = {"http"};
  ASSERT_TRUE(start());
  builtin_store store(*service);
  const auto begin = std::chrono::steady_clock::now();
  const auto read = store.get("troupe/test/leader", begin + 200ms);
  ASSERT_FALSE(read);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

}  // namespace
}  // namespace troupe
