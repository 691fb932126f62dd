// A node's database under closed-loop callers, by the public interface: each caller begins its next call in the
// callback of the one before. Prints calls a second and microseconds a call.
//
//   database_bench [--dsn DSN] [--callers 64] [--seconds 2] [--statement TEXT --keys N]
//
// Without --dsn: SQLite, point selects of a table of 100,000 rows and inserts, synchronous = normal. With it: point
// selects there, of pgbench's accounts for example: --statement 'select abalance from public.pgbench_accounts where aid
// = $1' --keys 100000.
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include <stdlib.h>

#include <troupe/node.hpp>

namespace troupe {
namespace {

using clock = std::chrono::steady_clock;

struct options {
  std::string dsn;
  std::string statement;
  std::int64_t keys = 100'000;
  int callers = 64;
  double seconds = 2;
};

[[noreturn]] void fail_with(const std::string& why) {
  std::fprintf(stderr, "database_bench: %s\n", why.c_str());
  std::exit(EXIT_FAILURE);
}

template <class T>
T must(expected<T> r) {
  if (!r) fail_with(describe(r.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*r);
}

/// `call` begins one call of a caller and has its argument called at the end of it.
double rate_of(const options& o, const std::function<void(std::uint64_t, std::function<void(bool)>)>& call) {
  std::atomic<std::uint64_t> done{0};
  std::atomic<std::uint64_t> numbers{0};
  std::atomic<bool> stop{false};
  std::atomic<int> left{o.callers};
  std::mutex mutex;
  std::condition_variable ended;
  std::function<void()> next = [&] {
    call(numbers.fetch_add(1, std::memory_order_relaxed), [&](bool good) {
      if (!good) fail_with("a call failed");
      done.fetch_add(1, std::memory_order_relaxed);
      if (!stop.load(std::memory_order_relaxed)) return next();
      const std::lock_guard lock(mutex);
      if (--left == 0) ended.notify_one();
    });
  };
  const auto begin = clock::now();
  for (int i = 0; i < o.callers; ++i) next();
  std::this_thread::sleep_for(std::chrono::duration<double>(o.seconds));
  stop = true;
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return left == 0; });
  return static_cast<double>(done) / std::chrono::duration<double>(clock::now() - begin).count();
}

void report(const char* what, const options& o, double rate) {
  std::printf("%-28s %d callers  %.0f calls/s  %.2f us a call\n", what, o.callers, rate, 1e6 / rate);
  std::fflush(stdout);
}

/// Spreads consecutive numbers over the keys.
std::int64_t key_of(std::uint64_t number, std::int64_t keys) {
  return static_cast<std::int64_t>(number * 0x9e3779b97f4a7c15ULL >> 20) % keys + 1;
}

void select_points(database& db, const options& o, const std::string& text) {
  const auto find = must(db.prepare("find", text));
  report("point select", o, rate_of(o, [&](std::uint64_t number, std::function<void(bool)> done) {
           db.query(find, {key_of(number, o.keys)},
                    [done = std::move(done)](expected<sql_result> r) { done(r && r->size() == 1); });
         }));
}

void insert_rows(database& db, const options& o) {
  const auto add = must(db.prepare("add", "insert into written (text) values ($1)"));
  report("insert", o, rate_of(o, [&](std::uint64_t, std::function<void(bool)> done) {
           db.execute(add, {std::string(100, 'x')},
                      [done = std::move(done)](expected<sql_result> r) { done(r.has_value()); });
         }));
}

void fill(database& db, std::int64_t rows) {
  std::int64_t number = 0;
  (void)must(db.bulk_insert({"book", {"id", "title"}},
                            [&] {
                              std::vector<sql_row> part;
                              for (; number < rows && part.size() < 1000; ++number)
                                part.push_back({number + 1, "title " + std::to_string(number)});
                              return part;
                            },
                            {std::chrono::seconds(60), false}));
}

void run(const options& o) {
  std::string home = (std::filesystem::temp_directory_path() / "troupe-bench-XXXXXX").string();
  if (::mkdtemp(home.data()) == nullptr) fail_with("no temporary directory");
  config c;
  c.node.data_dir = home;
  c.node.services = {"db"};
  c.cluster.bind = "127.0.0.1:0";
  c.log.level = "warn";
  if (!o.dsn.empty()) {
    c.db.type = "postgres";
    c.db.dsn = o.dsn;
  } else {
    c.db.synchronous = "normal";
  }
  {
    auto n = must(node::start(c));
    if (const auto ready = n.wait_ready(); !ready) fail_with(describe(ready.error()));
    auto db = must(n.open_database("bench", {{1, "tables",
                                              "create table book (id bigint primary key, title text not null);"
                                              "create table written (id integer primary key, text text not null)"}}));
    if (o.dsn.empty()) fill(db, o.keys);
    select_points(db, o, o.statement.empty() ? "select title from book where id = $1" : o.statement);
    if (o.dsn.empty()) insert_rows(db, o);
  }
  std::error_code ignored;
  std::filesystem::remove_all(home, ignored);
}

}  // namespace
}  // namespace troupe

int main(int argc, char** argv) {
  troupe::options o;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--dsn") o.dsn = value;
    if (name == "--statement") o.statement = value;
    if (name == "--keys") o.keys = std::atoll(value);
    if (name == "--callers") o.callers = std::atoi(value);
    if (name == "--seconds") o.seconds = std::atof(value);
  }
  troupe::run(o);
}
