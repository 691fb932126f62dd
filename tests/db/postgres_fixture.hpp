// The database service of one node over a real PostgreSQL, without the rest of the node.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "actors/db/database_service.hpp"
#include "actors/io_pool.hpp"
#include "gateways/db/postgres_driver.hpp"
#include "tests/db/awaited.hpp"
#include "tests/db/postgres_cluster.hpp"

namespace troupe {

/// A node's service; `term` 0: it does not lead.
class postgres_service {
 public:
  explicit postgres_service(const db_config& c, std::uint64_t term = 1) : term_(term) {
    auto driver = postgres_driver::make(c, io_, 7);
    if (!driver) throw std::runtime_error(driver.error().context);
    service_ = std::make_unique<database_service>(
        *driver, c,
        database_service::surroundings{*log_, events_, numbers_, io_.context(0), {}, [this] { return token(); }});
    driver_ = *driver;
    io_.start();
    service_->start();
    ticker_ = std::thread([this] {
      std::unique_lock lock(mutex_);
      while (!stop_.wait_for(lock, std::chrono::milliseconds(20), [this] { return stopping_; }))
        service_->pool().tick();
    });
  }
  ~postgres_service() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      stop_.notify_all();
    }
    ticker_.join();
    service_->stop();
    io_.stop();
  }

  [[nodiscard]] std::optional<fenced> token() const {
    if (term_ == 0) return std::nullopt;
    return fenced(term_, parse_incarnation_id("0123456789abcdef0123456789abcdef"));
  }
  void lead(std::uint64_t term) { term_ = term; }
  [[nodiscard]] boost::asio::io_context& loop() { return io_.context(0); }
  [[nodiscard]] database_service& operator*() { return *service_; }
  [[nodiscard]] database_service* operator->() { return service_.get(); }
  [[nodiscard]] database_numbers numbers() const {
    const auto all = driver_->numbers();
    return all.empty() ? database_numbers{} : all.front();
  }

 private:
  std::atomic<std::uint64_t> term_;
  std::shared_ptr<event_log> log_ = event_log::none();
  event_hub events_;
  metrics numbers_;
  io_pool io_{1};
  std::shared_ptr<postgres_driver> driver_;
  std::unique_ptr<database_service> service_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread ticker_;
};

/// Waits for a condition; false when only a broken program could take so long.
inline bool eventually(const std::function<bool()>& holds, std::chrono::seconds most = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (std::chrono::steady_clock::now() < end) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

inline const std::vector<migration> library_schema = {
    {1, "book",
     "create table author(id bigint primary key, name text not null);"
     "create table book(id bigint primary key, title text not null unique, pages bigint, author bigint references "
     "author(id), extra bytea)"}};

class postgres_fixture : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = test::postgres_node::make();
    if (server_) server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    if (!server_) GTEST_SKIP() << "PostgreSQL 15 is not installed";
    name_ = "library" + std::to_string(++namespaces_);
    config_.type = "postgres";
    config_.dsn = server_->dsn();
    config_.health_interval = std::chrono::seconds(1);
  }
  void TearDown() override {
    db_.reset();
    service_.reset();
  }

  void open() {
    service_ = std::make_unique<postgres_service>(config_);
    auto db = (*service_)->open(name_, library_schema);
    ASSERT_TRUE(db) << db.error().context;
    db_ = std::make_unique<database>(*db);
  }
  sql_result must(std::string_view text, sql_row values = {}) {
    auto r = db_->execute(text, std::move(values));
    EXPECT_TRUE(r) << r.error().context;
    return r ? std::move(*r) : sql_result{};
  }
  std::int64_t count(const std::string& table = "book") {
    const auto r = db_->query("select count(*) from " + table);
    EXPECT_TRUE(r) << r.error().context;
    return r ? *r->get<std::int64_t>(0, 0) : -1;
  }
  sql_statement prepared(const std::string& name, std::string_view text) {
    auto s = db_->prepare(name, text);
    EXPECT_TRUE(s) << s.error().context;
    return *s;
  }

  static inline std::unique_ptr<test::postgres_node> server_;
  static inline int namespaces_ = 0;
  std::string name_;
  db_config config_;
  std::unique_ptr<postgres_service> service_;
  std::unique_ptr<database> db_;
};

}  // namespace troupe
