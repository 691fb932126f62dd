#include "actors/handlers/run_script.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;  // NOLINT: POSIX's

namespace troupe {

namespace {

constexpr int look_every_ms = 20;  // at the child and at `stopping`, while it prints nothing

class descriptor {
 public:
  explicit descriptor(int fd = -1) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() { reset(); }
  void reset() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

struct pipe_ends {
  descriptor read;
  descriptor write;
};

expected<pipe_ends> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return fail(errc::unavailable, std::string("no pipe: ") + std::strerror(errno));
  return pipe_ends{descriptor(fds[0]), descriptor(fds[1])};
}

std::vector<std::string> environment_of(const script& s) {
  std::vector<std::string> all;
  for (char** at = environ; *at != nullptr; ++at) {
    if (std::strncmp(*at, "TROUPE_", 7) != 0) all.emplace_back(*at);
  }
  for (const auto& [name, value] : s.environment) {
    std::string entry = name + "=" + value;
    std::replace(entry.begin(), entry.end(), '\0', ' ');
    all.push_back(std::move(entry));
  }
  return all;
}

class spawn_plan {
 public:
  spawn_plan(int in, int out) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, in, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, out, 1);
    ::posix_spawn_file_actions_addopen(&actions_, 2, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t usual;
    ::sigemptyset(&none);
    ::sigfillset(&usual);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &usual);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  expected<pid_t> run(const script& s) {
    const auto environment = environment_of(s);
    std::vector<char*> pointers;
    for (const auto& entry : environment) pointers.push_back(const_cast<char*>(entry.c_str()));
    pointers.push_back(nullptr);
    char* arguments[] = {const_cast<char*>(s.path.c_str()), nullptr};
    pid_t pid = -1;
    const int failed = ::posix_spawn(&pid, s.path.c_str(), &actions_, &attributes_, arguments, pointers.data());
    if (failed == 0) return pid;
    const bool out_of_room = failed == EAGAIN || failed == ENOMEM;
    return fail(out_of_room ? errc::unavailable : errc::not_found, s.path + ": " + std::strerror(failed));
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// Looks without reaping: as long as the leader is not reaped, its number and its group belong to nobody else.
bool has_ended(pid_t pid) {
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return errno != EINTR;
  return info.si_pid == pid;
}

int reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return -1;  // reaped elsewhere: a first process reaps all
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Reads what is there; false at the end of the output.
bool read_some(int fd, const script& s, script_end& end, std::size_t& total) {
  char chunk[16 * 1024];
  const auto n = ::read(fd, chunk, sizeof chunk);
  if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
  const auto size = static_cast<std::size_t>(n);
  const std::size_t room = s.output_kept_max - std::min(s.output_kept_max, end.output.size());
  end.output.append(chunk, std::min(room, size));
  end.output_cut = end.output_cut || size > room;
  total += size;
  end.printed_too_much = total > script::output_bytes_max;
  return true;
}

void watch(pid_t pid, int output, const script& s, const std::atomic<bool>& stopping, script_end& end) {
  const auto until = std::chrono::steady_clock::now() + s.timeout;
  std::size_t total = 0;
  bool open = true;
  bool ended = false;
  while (!ended) {
    pollfd waiting{open ? output : -1, POLLIN, 0};
    const bool readable = ::poll(&waiting, 1, look_every_ms) == 1;
    if (readable) open = read_some(output, s, end, total);
    ended = has_ended(pid);
    end.stopped = !ended && stopping.load();
    end.timed_out = !ended && std::chrono::steady_clock::now() >= until;
    if (end.stopped || end.timed_out || end.printed_too_much) return;
  }
  for (pollfd left{output, POLLIN, 0}; open && !end.printed_too_much && ::poll(&left, 1, 0) == 1;) {
    open = read_some(output, s, end, total);
  }
}

}  // namespace

expected<script_end> run_script(const script& s, const std::atomic<bool>& stopping) {
  auto input = make_pipe();
  auto output = make_pipe();
  if (!input) return tl::unexpected(input.error());
  if (!output) return tl::unexpected(output.error());
  const std::size_t size = std::min(s.input.size(), script::input_bytes_max);
  // All of it fits the empty pipe, and both ends are ours: it neither blocks nor raises SIGPIPE.
  if (size > 0 && ::write(input->write.get(), s.input.data(), size) != static_cast<ssize_t>(size)) {
    return fail(errc::unavailable, "the input could not be written");
  }
  const auto pid = spawn_plan(input->read.get(), output->write.get()).run(s);
  if (!pid) return tl::unexpected(pid.error());
  input->read.reset();
  input->write.reset();
  output->write.reset();
  ::fcntl(output->read.get(), F_SETFL, O_NONBLOCK);
  script_end end;
  watch(*pid, output->read.get(), s, stopping, end);
  ::kill(-*pid, SIGKILL);  // the rest of its group as well
  end.exit_code = reap(*pid);
  return end;
}

}  // namespace troupe
