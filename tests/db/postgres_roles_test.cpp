// The rights of a namespace: with a role of its own its SQL reaches no other one, whatever it says; where there can be
// none, that is told.
#include <gmock/gmock.h>

#include "tests/db/postgres_fixture.hpp"

namespace troupe {
namespace {

using ::testing::HasSubstr;

class postgres_roles_test : public postgres_fixture {
 protected:
  void SetUp() override {
    postgres_fixture::SetUp();
    other_ = name_ + "_b";
  }

  /// Two namespaces with a table each, and a row in each.
  void open_both() {
    open();
    must("insert into book(id, title) values(1, 'mine')");
    auto other = (*service_)->open(other_, {{1, "note", attempts}});
    ASSERT_TRUE(other) << other.error().context;
    stranger_ = std::make_unique<database>(*other);
    ASSERT_TRUE(stranger_->execute("insert into note values(7)"));
  }
  void TearDown() override {
    stranger_.reset();
    postgres_fixture::TearDown();
  }

  std::string way(const std::string& name) {
    for (const auto& row : (*service_)->namespaces()) {
      if (row.name == name) return row.role;
    }
    return "none";
  }
  /// What the stranger gets when it says that inside a function, where nobody looks at it: "done" or an SQLSTATE.
  std::string inside(const std::string& text) {
    const auto r = stranger_->execute("select attempt($1)", {text});
    return r ? *r->get<std::string>(0, 0) : "refused: " + r.error().context;
  }
  std::string role_of(const std::string& name) {
    return server_->sql("select rolname from pg_roles where rolname like 'troupe\\_%\\_" + name + "'");
  }
  void expect_untouched() {
    EXPECT_EQ(server_->sql("select string_agg(id || title, ',') from " + name_ + ".book"), "1mine");
    EXPECT_EQ(server_->sql("select count(*) from information_schema.columns where table_schema = '" + name_ +
                           "' and table_name = 'book'"),
              "5");
  }
  /// As a login of its own, which a test makes on a server of its own.
  void use(test::postgres_node& server, const std::string& login) {
    auto dsn = server.dsn();
    dsn.replace(dsn.find("user=troupe"), 11, "user=" + login);
    config_.dsn = dsn;
  }

  static constexpr const char* attempts =
      "create table note(id bigint);"
      "create function attempt(said text) returns text language plpgsql as $$ begin execute said; return 'done'; "
      "exception when others then return sqlstate; end $$";
  std::string other_;
  std::unique_ptr<database> stranger_;
};

TEST_F(postgres_roles_test, a_namespace_reads_and_changes_nothing_of_another_by_its_name) {
  open_both();
  EXPECT_EQ(way(name_), "own");
  const auto book = name_ + ".book";
  for (const auto& said : std::vector<std::string>{"select * from " + book,
                                                   "insert into " + book + "(id, title) values(2, 'x')",
                                                   "update " + book + " set title = 'x'",
                                                   "delete from " + book,
                                                   "truncate " + book,
                                                   "drop table " + book,
                                                   "alter table " + book + " add column more text",
                                                   "create table " + name_ + ".planted(a int)",
                                                   "drop schema " + name_ + " cascade",
                                                   "create view peek as select * from " + book,
                                                   "grant all on " + book + " to public",
                                                   "create index on " + book + "(pages)",
                                                   "lock table " + book,
                                                   "select * from " + name_ + ".troupe_migrations",
                                                   "create schema planted",
                                                   "drop schema " + other_ + " cascade",
                                                   "create role planted",
                                                   "grant " + role_of(name_) + " to current_user",
                                                   "copy " + book + " to '/tmp/books'",
                                                   "alter role troupe nosuperuser"}) {
    const auto r = stranger_->execute(said);
    EXPECT_FALSE(r) << said;
    EXPECT_EQ(inside(said).substr(0, 2), "42") << said << ": no rights, or no such thing for it";
  }
  expect_untouched();
  EXPECT_TRUE(stranger_->execute("create table own(a int)")) << "in its own schema it may do what it likes";
  EXPECT_TRUE(stranger_->execute("drop table own"));
}

TEST_F(postgres_roles_test, no_change_of_role_brings_it_to_another) {
  open_both();
  const auto theft = "; update " + name_ + ".book set title = 'stolen'";
  const auto mine = role_of(name_);
  ASSERT_FALSE(mine.empty());
  for (const auto& change : std::vector<std::string>{
           std::string("reset role"), std::string("set role none"), std::string("set role troupe"), "set role " + mine,
           std::string("set session authorization troupe"), std::string("set session authorization default"),
           "set session authorization " + mine, std::string("select set_config('role', 'troupe', false)"),
           "select set_config('role', '" + mine + "', true)", "set search_path to " + name_, std::string("discard all"),
           std::string("alter role current_user superuser"), std::string("reset all")}) {
    EXPECT_FALSE(stranger_->execute(change)) << change << " is not for a statement";
    EXPECT_NE(inside(change + theft), "done") << change;
  }
  (void)stranger_->execute("select set_config('search_path', '" + name_ + "', false)");
  EXPECT_FALSE(stranger_->execute("update book set title = 'stolen'"));
  expect_untouched();
  EXPECT_EQ(
      server_->sql("select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolinherit from pg_roles "
                   "where rolname = '" +
                   mine + "'"),
      "f");
}

TEST_F(postgres_roles_test, what_was_made_without_roles_is_taken_over_and_a_reset_keeps_the_rights) {
  config_.namespace_roles = "off";
  open();
  EXPECT_EQ(way(name_), "shared");
  must("insert into book(id, title) values(1, 'old')");
  must("create sequence counter");
  must("create type mood as enum('good', 'bad')");
  must("create function twice(a int) returns int language sql as 'select 2 * a'");
  config_.namespace_roles = "auto";
  open();
  EXPECT_EQ(way(name_), "own");
  EXPECT_EQ(count(), 1);
  must("alter table book add column mood mood");
  must("select nextval('counter'), twice(2)");
  must("drop function twice(int)");
  awaited<expected<void>> done;
  (*service_)->reset(name_, name_, done.callback());
  const auto outcome = done.get();
  EXPECT_TRUE(outcome) << outcome.error().context;
  EXPECT_EQ(count(), 0);
  must("insert into book(id, title) values(1, 'new')");
  EXPECT_EQ(server_->sql("select distinct pg_get_userbyid(relowner) from pg_class c join pg_namespace n on n.oid = "
                         "c.relnamespace where nspname = '" +
                         name_ + "' and relkind = 'r'"),
            role_of(name_));
}

TEST_F(postgres_roles_test, a_login_that_may_make_roles_and_no_more_is_enough) {
  test::postgres_node own;
  own.start();
  own.sql("create role maker login createrole");
  own.sql("grant create on database postgres to maker");
  use(own, "maker");
  open();
  EXPECT_EQ(way(name_), "own");
  must("insert into book(id, title) values(1, 'a')");
  awaited<expected<void>> done;
  (*service_)->reset(name_, name_, done.callback());
  EXPECT_TRUE(done.get());
  EXPECT_EQ(count(), 0);
}

TEST_F(postgres_roles_test, roles_have_passwords_that_follow_from_the_one_of_the_login) {
  test::postgres_node own;
  own.start();
  own.demand_password("sesame77");
  config_.dsn = own.dsn() + " password=sesame77";
  open();
  EXPECT_EQ(way(name_), "own");
  service_ = std::make_unique<postgres_service>(config_);
  EXPECT_TRUE((*service_)->open(name_, library_schema)) << "another node";
  EXPECT_EQ(way(name_), "own");
  own.let_in_only("all");
  own.demand_password("other");
  config_.dsn = own.dsn() + " password=other";
  service_ = std::make_unique<postgres_service>(config_);
  EXPECT_TRUE((*service_)->open(name_, library_schema)) << "a new password of the login is a new one of the role";
  EXPECT_EQ(way(name_), "own");
}

TEST_F(postgres_roles_test, a_login_that_may_make_no_roles_shares_its_rights_and_says_so) {
  test::postgres_node own;
  own.start();
  own.sql("create role plain login");
  own.sql("grant create on database postgres to plain");
  use(own, "plain");
  open();
  EXPECT_EQ(way(name_), "shared");
  must("insert into book(id, title) values(1, 'a')");
  config_.namespace_roles = "required";
  service_ = std::make_unique<postgres_service>(config_);
  const auto refused = (*service_)->open(name_, library_schema);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::bad_config);
  EXPECT_THAT(refused.error().context, HasSubstr("db.namespace_roles: the login plain may not create roles"));
}

// pg_hba.conf knows the login alone: its connections begin in the role, and come back to it.
TEST_F(postgres_roles_test, where_the_server_keeps_roles_out_the_login_acts_in_their_place) {
  test::postgres_node own;
  own.start();
  own.let_in_only("troupe");
  config_.dsn = own.dsn();
  open();
  EXPECT_EQ(way(name_), "switched");
  must("insert into book(id, title) values(1, 'mine')");
  auto other = (*service_)->open(other_, {{1, "note", attempts}});
  ASSERT_TRUE(other) << other.error().context;
  stranger_ = std::make_unique<database>(*other);
  const auto theft = "update " + name_ + ".book set title = 'stolen'";
  EXPECT_FALSE(stranger_->execute(theft));
  EXPECT_EQ(inside(theft), "42501");
  EXPECT_EQ(inside("reset role; " + theft), "42501");
  EXPECT_FALSE(stranger_->execute("set role none"));
  EXPECT_EQ(own.sql("select title from " + name_ + ".book"), "mine");
  config_.namespace_roles = "required";
  service_ = std::make_unique<postgres_service>(config_);
  EXPECT_EQ((*service_)->open(name_, library_schema).error().code, errc::bad_config);
}

}  // namespace
}  // namespace troupe
