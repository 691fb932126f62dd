// Where the stories of a journal take place: a SQLite file, or a schema of a real PostgreSQL. Each has two nodes: with
// SQLite they are two handles of one database, as only one node writes a file.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <troupe/journal.hpp>

#include "actors/db/measured_database.hpp"
#include "actors/db/session_database.hpp"
#include "actors/io_pool.hpp"
#include "gateways/db/sqlite_driver.hpp"
#include "tests/db/awaited.hpp"
#include "tests/db/faulty_driver.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {

inline const std::vector<migration> bank_schema = {
    journal::tables(1),
    {2, "balance", "create table balance(account text primary key, amount bigint not null)"},
    {3, "seen", "create table seen(position bigint primary key)"}};

/// A database over SQLite with all that stands before it, as a node makes it, but for the actor.
class sqlite_node {
 public:
  explicit sqlite_node(const std::string& path) {
    pool_ = std::make_unique<database_pool>(
        std::make_shared<faulty_driver>(std::make_shared<sqlite_driver>(sqlite_driver::settings{
                                            path, std::chrono::milliseconds(1), sqlite_synchronous::normal}),
                                        injected),
        database_pool::settings{.threads = 3, .lanes = {}});
    io_.start();
    pool_->start();
    const auto lane = pool_->open("bank", bank_schema);
    if (!lane) throw std::runtime_error(lane.error().context);
    auto inner = std::make_shared<session_database>(*pool_, io_.context(0), "bank", *lane, 2, sql_dialect::sqlite);
    auto front = std::make_shared<measured_database>(
        inner, "bank", measured_database::surroundings{*log_, numbers_, std::chrono::milliseconds(0)});
    front->open();
    db.emplace(front, "bank");
  }
  ~sqlite_node() {
    db.reset();
    pool_->stop();
    io_.stop();
  }

  faults injected;
  std::optional<database> db;

 private:
  metrics numbers_;
  std::shared_ptr<event_log> log_ = event_log::none();
  io_pool io_{1};
  std::unique_ptr<database_pool> pool_;
};

class sqlite_place {
 public:
  static void open_all() {}
  static void close_all() {}
  static bool is_there() { return true; }

  [[nodiscard]] database& node(std::size_t) { return *node_.db; }

 private:
  temporary_directory directory_;
  sqlite_node node_{directory_.path()};
};

/// A test that fails beats a test that crashes: what is not there is an empty value.
template <class T>
T must(expected<T> r) {
  EXPECT_TRUE(r) << (r ? "" : describe(r.error()));
  if constexpr (!std::is_void_v<T>) return r ? std::move(*r) : T{};
}

template <class T>
errc code_of(const expected<T>& r) {
  return r ? errc::ok : r.error().code;
}

inline journal must_open(const database& db, const journal_options& o = {}) {
  auto j = journal::open(db, o);
  if (!j) throw std::runtime_error(describe(j.error()));
  return *j;
}

inline stream_append one(const std::string& stream, std::uint64_t expected_version, const std::string& bytes = "x",
                         const std::string& id = {}) {
  return {stream, expected_version, {{"event", 1, bytes}}, id};
}

}  // namespace troupe
