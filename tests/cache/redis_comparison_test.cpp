// Procedures beside a real redis-server, reply by reply, on the same random commands. Skipped where there is none.
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "tests/cache/procedure_fixture.hpp"
#include "tests/cache/random_commands.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

// A redis-server of our own behind a Unix socket, and one connection to it.
class real_redis {
 public:
  real_redis() {
    char name[] = "/tmp/troupe-redis-XXXXXX";
    directory_ = ::mkdtemp(name);
    const auto path = path_ = directory_ + "/s";
    child_ = ::fork();
    if (child_ == 0) {
      (void)!::freopen("/dev/null", "w", stdout);
      ::execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path.c_str(), "--save", "", "--dir",
               directory_.c_str(), nullptr);
      ::_exit(127);
    }
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (std::chrono::steady_clock::now() < until && !connect(path)) {
      if (::waitpid(child_, nullptr, WNOHANG) == child_) {
        child_ = -1;
        return;
      }
      std::this_thread::yield();
    }
  }
  /// Another connection to the same server.
  explicit real_redis(const std::string& path) : path_(path) { (void)connect(path_); }
  ~real_redis() {
    if (socket_ >= 0) ::close(socket_);
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  [[nodiscard]] bool runs() const { return socket_ >= 0; }
  [[nodiscard]] const std::string& path() const { return path_; }

  std::string run(const std::vector<std::string>& words) {
    std::string out = "*" + std::to_string(words.size()) + "\r\n";
    for (const auto& w : words) out += "$" + std::to_string(w.size()) + "\r\n" + w + "\r\n";
    if (::write(socket_, out.data(), out.size()) != static_cast<ssize_t>(out.size())) return "-gone\r\n";
    std::string reply;
    take(reply);
    return reply;
  }

  /// The messages that came before the answer to a PING.
  std::vector<std::string> messages() {
    std::vector<std::string> all;
    for (auto reply = run({"PING"}); !reply.starts_with("*2\r\n$4\r\npong"); reply.clear(), take(reply)) {
      if (reply.empty() || reply[0] == '-') return all;
      all.push_back(reply);
    }
    return all;
  }

 private:
  bool connect(const std::string& path) {
    socket_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return true;
    ::close(std::exchange(socket_, -1));
    return false;
  }
  bool fill() {
    char bytes[65536];
    const auto n = ::read(socket_, bytes, sizeof bytes);
    if (n <= 0) return false;
    in_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }
  // One whole reply off the front of what came.
  void take(std::string& into) {
    while (in_.find("\r\n") == std::string::npos) {
      if (!fill()) return;
    }
    const auto end = in_.find("\r\n") + 2;
    const std::string head = in_.substr(0, end);
    in_.erase(0, end);
    into += head;
    const int count = std::string_view("$*%~").find(head[0]) == std::string_view::npos ? 0 : std::stoi(head.substr(1));
    if (head[0] == '$' && count >= 0) {
      while (in_.size() < static_cast<std::size_t>(count) + 2) {
        if (!fill()) return;
      }
      into += in_.substr(0, static_cast<std::size_t>(count) + 2);
      in_.erase(0, static_cast<std::size_t>(count) + 2);
    } else {
      for (int i = 0; i < count * (head[0] == '%' ? 2 : 1); ++i) take(into);
    }
  }

  std::string directory_;
  std::string path_;
  pid_t child_ = -1;
  int socket_ = -1;
  std::string in_;
};

// Scores are written shorter here than by Redis 7.0: numbers are compared as numbers.
std::string normal(std::string text) {
  char* end = nullptr;
  const bool quoted = text.size() > 2 && text.front() == '"';
  const auto inner = quoted ? text.substr(1, text.size() - 2) : text;
  const double value = std::strtod(inner.c_str(), &end);
  if (!inner.empty() && end == inner.c_str() + inner.size() && inner.find('.') != std::string::npos &&
      std::isfinite(value)) {
    char shorter[64];
    std::snprintf(shorter, sizeof shorter, "%.14g", value);
    return quoted ? "\"" + std::string(shorter) + "\"" : shorter;
  }
  return text;
}

// The reply as words; of those that come in any order, sorted, those that belong together as one.
std::string comparable(const std::string& command, const std::string& reply) {
  static const std::set<std::string> unordered{"SMEMBERS", "SINTER", "SUNION", "SDIFF", "HKEYS", "HVALS", "SPOP"};
  std::string_view rest = reply;
  std::vector<std::string> parts;
  const auto line = [&] {
    const auto end = rest.find("\r\n");
    std::string head(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 2, rest.size()));
    if (head[0] != '$' || head == "$-1") return normal(head);
    const auto size = static_cast<std::size_t>(std::stoi(head.substr(1)));
    std::string text = "\"" + std::string(rest.substr(0, size)) + "\"";
    rest.remove_prefix(size + 2);
    return normal(text);
  };
  const auto head = line();
  while (!rest.empty()) parts.push_back(line());
  if (command == "HGETALL") {
    for (std::size_t i = 0; i + 1 < parts.size(); i += 2) parts[i / 2] = parts[i] + "=" + parts[i + 1];
    parts.resize(parts.size() / 2);
    std::sort(parts.begin(), parts.end());
  }
  if (unordered.contains(command)) std::sort(parts.begin(), parts.end());
  std::string all = head;
  for (const auto& p : parts) all += " " + p;
  return all;
}

// "lpush k" of a message on a keyspace channel.
std::string event_in(const std::string& message) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < message.size();) {
    const auto end = message.find("\r\n", i);
    lines.push_back(message.substr(i, end - i));
    i = end + 2;
  }
  if (lines.size() < 9) return "?" + message;
  return lines[8] + " " + lines[6].substr(lines[6].find(':') + 1);
}

struct redis_comparison : procedure_fixture {
  void compare(std::uint64_t seed, int commands, int resp) {
    protocol = resp;
    random_commands source(seed, seed <= waiting_seeds);
    std::vector<std::string> trace;
    for (int i = 0; i < commands; ++i) {
      const auto words = source.next();
      std::string said;
      for (const auto& w : words) said += (said.empty() ? "" : " ") + (w.empty() ? "\"\"" : w);
      trace.push_back(said);
      const auto ours = comparable(words[0], run(words));
      const auto theirs = comparable(words[0], redis.run(words));
      if (ours == theirs || tolerated(words, ours, theirs)) continue;
      std::string last;
      for (auto k = trace.size() > 12 ? trace.size() - 12 : 0; k < trace.size(); ++k) last += trace[k] + "\n";
      ++different;
      ADD_FAILURE() << "seed " << seed << ", RESP" << resp << "\n"
                    << last << "ours:   " << ours << "\ntheirs: " << theirs;
      return;
    }
  }
  // The time passes for one of them only; a long double's last digits are a matter of the library.
  static bool tolerated(const std::vector<std::string>& words, const std::string& ours, const std::string& theirs) {
    // Who waits in vain gets a null array, whatever the command replies otherwise.
    const bool moves = words[0] == "BLMOVE" || words[0] == "BRPOPLPUSH";
    if (moves && ours == "$-1" && theirs == "*-1") return true;
    if (words[0] == "TTL") return std::abs(std::atoi(ours.c_str() + 1) - std::atoi(theirs.c_str() + 1)) <= 60;
    return false;
  }
  static constexpr int different_max = 5;
  static constexpr std::uint64_t waiting_seeds = 2;
  real_redis redis;
  int different = 0;
};

TEST_F(redis_comparison, gives_the_replies_that_redis_gives) {
  if (!redis.runs()) GTEST_SKIP() << "no redis-server here";
  const char* more = std::getenv("TROUPE_SEEDS");
  const std::uint64_t seeds = more == nullptr ? 12 : std::strtoull(more, nullptr, 10);
  wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
                .count();
  for (std::uint64_t seed = 1; seed <= seeds && different < different_max; ++seed) {
    for (const int resp : {2, 3}) {
      (void)redis.run({"HELLO", std::to_string(resp)});
      (void)redis.run({"FLUSHALL"});
      shard.store().clear();
      compare(seed, 2000, resp);
    }
  }
}

// What happens to keys, in the same order. Both are asked the same at about the same time, so nothing expires.
TEST_F(redis_comparison, tells_the_events_that_redis_tells) {
  if (!redis.runs()) GTEST_SKIP() << "no redis-server here";
  wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
                .count();
  (void)redis.run({"CONFIG", "SET", "notify-keyspace-events", "KAn"});
  real_redis listener(redis.path());
  (void)listener.run({"PSUBSCRIBE", "__keyspace@0__:*"});
  hear_events(~event_kind::missed);
  for (std::uint64_t seed = 1; seed <= 8 && different < different_max; ++seed) {
    (void)redis.run({"FLUSHALL"});
    shard.store().clear();
    (void)listener.messages();
    random_commands source(seed, seed <= waiting_seeds);
    std::vector<std::string> trace;
    for (int i = 0; i < 1500; ++i) {
      const auto words = source.next();
      std::string said;
      for (const auto& w : words) said += w + " ";
      trace.push_back(said);
      (void)run(words);
      (void)redis.run(words);
      std::vector<std::string> theirs;
      for (const auto& message : listener.messages()) theirs.push_back(event_in(message));
      const auto ours = heard();
      if (ours == theirs) continue;
      ++different;
      std::string last;
      for (auto k = trace.size() > 12 ? trace.size() - 12 : 0; k < trace.size(); ++k) last += trace[k] + "\n";
      ADD_FAILURE() << "seed " << seed << "\n"
                    << last << "ours: " << ::testing::PrintToString(ours)
                    << "\ntheirs: " << ::testing::PrintToString(theirs);
      break;
    }
  }
}

}  // namespace
}  // namespace troupe
