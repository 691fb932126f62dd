// What was acknowledged survives kill -9, and a projection beside it has done each event once: a child appends and
// projects until it is killed in the middle; its file is looked at, and the next life finishes the work.
#include <gtest/gtest.h>

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/journal/journal_places.hpp"

namespace troupe {
namespace {

constexpr int streams = 5;

std::string stream_of(std::uint64_t n) { return "s" + std::to_string(n % streams); }

// One page of the projection: counts events in `balance`, marks each position in `seen`, which takes it once.
expected<std::size_t> project(journal& j) {
  const auto count = j.where().prepare("count",
                                       "insert into balance(account, amount) values($1, 1) on conflict (account) "
                                       "do update set amount = balance.amount + 1");
  const auto see = j.where().prepare("see", "insert into seen(position) values($1)");
  const auto at = j.cursor_of("sums");
  if (!at) return tl::unexpected<error>(at.error());
  const auto page = j.read_all(*at, 10);
  if (!page || page->empty()) return std::size_t{0};
  std::vector<sql_call> calls;
  for (const auto& e : *page) {
    calls.push_back({*count, {e.stream}});
    calls.push_back({*see, {static_cast<std::int64_t>(e.position)}});
  }
  if (auto moved = j.move_cursor("sums", *at, page->back().position, std::move(calls)); !moved)
    return tl::unexpected<error>(moved.error());
  return page->size();
}

[[noreturn]] void append_until_killed(const std::string& directory, int out) {
  sqlite_node node(directory);
  auto j = must_open(*node.db);
  std::vector<std::uint64_t> versions(streams, 0);
  for (std::uint32_t n = 0;; ++n) {
    auto& version = versions[n % streams];
    const auto done = j.append({stream_of(n), version, {{"event", 1, "a"}, {"event", 1, "b"}}, {}});
    if (!done) ::_exit(1);
    version = done->version;
    if (::write(out, &n, sizeof n) != sizeof n) ::_exit(2);
    if (n % 2 == 1 && !project(j)) ::_exit(3);
  }
}

TEST(journal_kill, what_was_acknowledged_is_there_and_was_projected_once) {
  const temporary_directory directory;
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(pipe_ends[0]);
    append_until_killed(directory.path(), pipe_ends[1]);
  }
  ::close(pipe_ends[1]);
  constexpr std::uint64_t wanted = 300;
  std::uint64_t acknowledged = 0;
  for (std::uint32_t n = 0; ::read(pipe_ends[0], &n, sizeof n) == sizeof n;) {
    if (++acknowledged == wanted) ::kill(child, SIGKILL);
  }
  ::close(pipe_ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself with " << status;

  sqlite_node node(directory.path());
  auto j = must_open(*node.db);
  while (must(project(j)) > 0) {
  }
  std::uint64_t events = 0;
  for (int s = 0; s < streams; ++s) {
    const auto version = must(j.load(stream_of(static_cast<std::uint64_t>(s)))).version;
    EXPECT_EQ(must(j.read(stream_of(static_cast<std::uint64_t>(s)), 0)).size(), version);
    EXPECT_EQ(version % 2, 0U) << "both events of an append or none";
    events += version;
  }
  EXPECT_GE(events, 2 * acknowledged);
  const auto sum = must(node.db->query("select sum(amount) from balance"));
  EXPECT_EQ(*sum.get<std::int64_t>(0, 0), static_cast<std::int64_t>(events));
}

}  // namespace
}  // namespace troupe
