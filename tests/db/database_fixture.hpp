// A database over SQLite with all that stands before it, as the node makes it, but for the actor: the test ticks.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "actors/db/measured_database.hpp"
#include "actors/db/session_database.hpp"
#include "actors/io_pool.hpp"
#include "gateways/db/sqlite_driver.hpp"
#include "tests/db/awaited.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {

class database_fixture : public testing::Test {
 protected:
  void SetUp() override {
    pool_ = std::make_unique<database_pool>(
        std::make_shared<sqlite_driver>(
            sqlite_driver::settings{directory_.path(), std::chrono::milliseconds(1), sqlite_synchronous::normal}),
        database_pool::settings{.threads = 3, .lanes = {}});
    io_.start();
    pool_->start();
    db_ = std::make_unique<database>(open("library"));
    must(
        "create table book(id integer primary key, title text not null unique, pages integer, author integer "
        "references author(id), extra blob)");
    must("create table author(id integer primary key, name text not null)");
  }
  void TearDown() override {
    db_.reset();
    pool_->stop();
    io_.stop();
  }

  database open(const std::string& name) {
    const auto lane = pool_->open(name, {});
    EXPECT_TRUE(lane) << (lane ? "" : lane.error().context);
    auto inner = std::make_shared<session_database>(*pool_, io_.context(0), name, *lane, 2, sql_dialect::sqlite);
    auto front = std::make_shared<measured_database>(
        inner, name, measured_database::surroundings{*log_, numbers_, std::chrono::milliseconds(200)});
    front->open();
    return database(front, name);
  }

  sql_result must(std::string_view text, sql_row values = {}) {
    auto r = db_->execute(text, std::move(values));
    EXPECT_TRUE(r) << r.error().context;
    return r ? std::move(*r) : sql_result{};
  }
  std::int64_t count(const std::string& table = "book") {
    const auto r = db_->query("select count(*) from " + table);
    return r ? *r->get<std::int64_t>(0, 0) : -1;
  }
  sql_statement prepared(const std::string& name, std::string_view text) {
    auto s = db_->prepare(name, text);
    EXPECT_TRUE(s) << s.error().context;
    return *s;
  }

  temporary_directory directory_;
  metrics numbers_;
  std::shared_ptr<event_log> log_ = event_log::none();
  io_pool io_{1};
  std::unique_ptr<database_pool> pool_;
  std::unique_ptr<database> db_;
};

}  // namespace troupe
