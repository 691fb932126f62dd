// What was acknowledged survives kill -9: a child writes through the whole service, is killed in the middle,
// and every answer it gave is checked against its file.
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>

#include <sys/wait.h>
#include <unistd.h>

#include "actors/db/cache_backing.hpp"
#include "gateways/db/sqlite_driver.hpp"
#include "tests/db/temporary_directory.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

class blank_store final : public committed_store {
 public:
  std::uint64_t next_version(cache_id, std::string_view, std::uint64_t above) override { return above + 1; }
  void apply_loaded(cache_id, std::string_view, std::string_view, std::uint64_t, duration, time_point) override {}
  void apply_committed(cache_id, std::string_view, std::string_view, std::uint64_t, duration, time_point) override {}
  void apply_erased(cache_id, std::string_view, std::uint64_t) override {}
};

// Puts numbered keys for ever and writes each acknowledged number to `out`; never returns.
[[noreturn]] void write_until_killed(const std::string& data_dir, int out) {
  database_pool pool(std::make_shared<sqlite_driver>(sqlite_driver::settings{data_dir, 1s, sqlite_synchronous::normal}),
                     {});
  blank_store store;
  auto backing = cache_backing::open(pool, store, {{1, "killed"}});
  if (!backing) ::_exit(1);
  pool.start();
  constexpr std::uint32_t in_flight = 100;
  std::function<void(std::uint32_t)> put = [&](std::uint32_t n) {
    const std::string key = std::to_string(n);
    (*backing)->submit({.op = cache_op::put, .cache = 1, .key = key, .value = key}, time_point::max(),
                       [&put, n, out](const owned_reply& r) {
                         if (r.code != errc::ok || ::write(out, &n, sizeof n) != sizeof n) ::_exit(2);
                         put(n + in_flight);
                       });
  };
  for (std::uint32_t n = 0; n < in_flight; ++n) put(n);
  for (;;) ::pause();
}

TEST(database_kill, what_was_acknowledged_is_there_after_kill_9) {
  const temporary_directory directory;
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(pipe_ends[0]);
    write_until_killed(directory.path(), pipe_ends[1]);
  }
  ::close(pipe_ends[1]);
  constexpr std::size_t acknowledged_wanted = 3000;
  std::vector<std::uint32_t> acknowledged;
  std::uint32_t n = 0;
  while (::read(pipe_ends[0], &n, sizeof n) == sizeof n) {
    acknowledged.push_back(n);
    if (acknowledged.size() == acknowledged_wanted) ::kill(child, SIGKILL);
  }
  ::close(pipe_ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself with " << status;
  ASSERT_GE(acknowledged.size(), acknowledged_wanted);

  sqlite_driver driver({directory.path(), 1s, sqlite_synchronous::normal});
  auto session = driver.open("cache_killed");
  ASSERT_TRUE(session) << session.error().context;
  for (const auto number : acknowledged) {
    const blob text{std::to_string(number)};
    const auto row = (*session)->run("SELECT value FROM kv WHERE key = ?", {text});
    ASSERT_TRUE(row);
    ASSERT_EQ(row->rows.size(), 1u) << number << " was acknowledged and is lost";
    EXPECT_EQ(std::get<blob>(row->rows[0][0]), text);
  }
}

}  // namespace
}  // namespace troupe
