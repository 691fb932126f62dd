#include "node/cli/backup_verbs.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include <unistd.h>
#include <nlohmann/json.hpp>

#include <troupe/config.hpp>

#include "gateways/http/client.hpp"
#include "gateways/http/uri.hpp"
#include "node/cli/backup_file.hpp"
#include "node/cli/exit_code.hpp"

namespace troupe::cli {

namespace {

using nlohmann::json;

constexpr duration page_deadline = std::chrono::seconds(60);
constexpr std::uint64_t post_bytes_max = 1 * mib;  // one record more at the most
constexpr int page_tries = 5;

struct close_file {
  void operator()(std::FILE* f) const noexcept {
    if (f != stdin && f != stdout) std::fclose(f);
  }
};
using file_ptr = std::unique_ptr<std::FILE, close_file>;

int say(int code, const std::string& text) {
  std::fprintf(stderr, "troupe: %s\n", text.c_str());
  return code;
}

std::string reason_in(const http_answer& a) {
  const json problem = json::parse(a.body, nullptr, false);
  if (!problem.is_object()) return "HTTP status " + std::to_string(a.status);
  const auto detail = problem.value("detail", "");
  return problem.value("title", "HTTP status " + std::to_string(a.status)) + (detail.empty() ? "" : ": " + detail);
}

// A line that overwrites itself, for who watches.
class progress {
 public:
  void show(std::uint64_t entries, std::uint64_t bytes, const std::string& where) {
    if (!shown_) return;
    std::fprintf(stderr, "\r%llu entries, %llu MiB  %-40s", static_cast<unsigned long long>(entries),
                 static_cast<unsigned long long>(bytes / mib), where.c_str());
    std::fflush(stderr);
    dirty_ = true;
  }
  ~progress() {
    if (dirty_) std::fputc('\n', stderr);
  }

 private:
  const bool shown_ = ::isatty(STDERR_FILENO) == 1;
  bool dirty_ = false;
};

// A page that could not be given now (a shard moves) may be given soon.
expected<http_answer> page_of(const remote_options& o, const std::string& target) {
  expected<http_answer> answer;
  for (int i = 0; i < page_tries; ++i) {
    answer = http_call(o.url, "GET", target, {}, {}, page_deadline);
    if (!answer || answer->status != 503) break;
  }
  return answer;
}

int failed(const remote_options& o, const expected<http_answer>& answer) {
  if (!answer) return say(exit_unreachable, "no answer from " + o.url + ": " + describe(answer.error()));
  return say(exit_no, reason_in(*answer));
}

/// Exit code, or none when all is well.
std::optional<int> write_cache(const remote_options& o, const std::string& name, backup_writer& to, progress& p) {
  std::string from;
  do {
    auto target = "/v1/admin/backup?cache=" + percent_encode(name);
    if (!from.empty()) target += "&from=" + percent_encode(from);
    const auto page = page_of(o, target);
    if (!page || page->status != 200) return failed(o, page);
    const auto next = page->headers.find("x-troupe-next");
    const auto entries = page->headers.find("x-troupe-entries");
    if (next == page->headers.end() || entries == page->headers.end())
      return say(exit_unreachable, o.url + " does not answer as a troupe node does");
    if (!to.add(page->body, std::strtoull(entries->second.c_str(), nullptr, 10)))
      return say(exit_data_dir, std::string("the backup cannot be written: ") + std::strerror(errno));
    p.show(to.entries(), to.bytes(), name);
    from = next->second;
  } while (from != "end");
  return std::nullopt;
}

struct counted {
  std::uint64_t applied = 0, expired = 0, failed = 0;
  std::string failure;  // the first
};

/// Exit code, or none.
std::optional<int> post(const remote_options& o, std::string& records, counted& so_far) {
  if (records.empty()) return std::nullopt;
  const auto answer = http_call(o.url, "POST", "/v1/admin/restore", records, {}, page_deadline);
  records.clear();
  if (!answer || answer->status != 200) return failed(o, answer);
  const json body = json::parse(answer->body, nullptr, false);
  if (!body.is_object()) return say(exit_unreachable, o.url + " does not answer as a troupe node does");
  so_far.applied += body.value("applied", std::uint64_t{0});
  so_far.expired += body.value("expired", std::uint64_t{0});
  so_far.failed += body.value("failed", std::uint64_t{0});
  if (so_far.failure.empty() && body.contains("failures") && !body["failures"].empty())
    so_far.failure = body["failures"][0].get<std::string>();
  return std::nullopt;
}

// Of the caches that are wanted; the record's own bytes when it holds nothing else.
std::string wanted_of(const backup_reader& r, const std::vector<std::string>& caches, std::uint64_t& count) {
  if (caches.empty()) {
    count += r.record().entries.size();
    return r.bytes();
  }
  log_record some = r.record();
  std::erase_if(some.entries,
                [&](const named_entry& e) { return std::find(caches.begin(), caches.end(), e.cache) == caches.end(); });
  count += some.entries.size();
  std::string bytes;
  if (!some.entries.empty()) append_record(bytes, some);
  return bytes;
}

/// Reads it whole; nothing is written.
int check_file(std::FILE* f, const backup_options& b, std::uint64_t& count) {
  backup_reader reader(f);
  if (auto begun = reader.begin(); !begun) return say(exit_no, b.file + ": " + begun.error().context);
  for (;;) {
    const auto more = reader.next();
    if (!more) return say(exit_no, b.file + ": " + more.error().context + "; nothing was written");
    if (!*more) return exit_done;
    (void)wanted_of(reader, b.caches, count);
  }
}

int apply_file(const remote_options& o, std::FILE* f, const backup_options& b) {
  backup_reader reader(f);
  counted so_far;
  progress p;
  const auto tell = [&] {
    std::fprintf(stderr, "%llu entries applied, %llu had expired, %llu failed\n",
                 static_cast<unsigned long long>(so_far.applied), static_cast<unsigned long long>(so_far.expired),
                 static_cast<unsigned long long>(so_far.failed));
    if (!so_far.failure.empty()) std::fprintf(stderr, "the first failure: %s\n", so_far.failure.c_str());
  };
  if (auto begun = reader.begin(); !begun) return say(exit_no, b.file + ": " + begun.error().context);
  std::string waiting;
  std::uint64_t count = 0;
  for (;;) {
    const auto more = reader.next();
    if (!more) {
      tell();
      return say(exit_no, b.file + ": " + more.error().context + "; what was applied before it stays");
    }
    if (*more) waiting += wanted_of(reader, b.caches, count);
    if (waiting.size() < post_bytes_max && *more) continue;
    if (const auto code = post(o, waiting, so_far)) {
      tell();
      return *code;
    }
    p.show(so_far.applied, reader.offset(), "applied");
    if (!*more) break;
  }
  tell();
  return so_far.failed == 0 ? exit_done : exit_no;
}

}  // namespace

int back_up(const remote_options& o, const backup_options& b) {
  const auto listed = page_of(o, "/v1/admin/backup/caches");
  if (!listed || listed->status != 200) return failed(o, listed);
  const json caches = json::parse(listed->body, nullptr, false);
  if (!caches.is_array()) return say(exit_unreachable, o.url + " does not answer as a troupe node does");
  const bool to_stdout = b.file == "-";
  const std::string unfinished = b.file + ".unfinished";
  file_ptr file(to_stdout ? stdout : std::fopen(unfinished.c_str(), "wb"));
  if (!file) return say(exit_data_dir, unfinished + ": " + std::strerror(errno));
  backup_writer writer(file.get());
  if (!writer.begin()) return say(exit_data_dir, std::string("the backup cannot be written: ") + std::strerror(errno));
  progress p;
  for (const auto& c : caches) {
    const auto name = c.value("name", "");
    const bool wanted = b.caches.empty() || std::find(b.caches.begin(), b.caches.end(), name) != b.caches.end();
    if (!wanted) continue;
    if (c.value("backed", false)) {
      std::fprintf(stderr, "troupe: the cache %s is left out: its values are in the database\n", name.c_str());
      continue;
    }
    if (const auto code = write_cache(o, name, writer, p)) {
      if (!to_stdout) ::unlink(unfinished.c_str());
      return *code;
    }
  }
  const bool done = writer.finish() && (to_stdout || ::fsync(::fileno(file.get())) == 0);
  const auto total = writer.entries();
  file.reset();
  if (!done || (!to_stdout && std::rename(unfinished.c_str(), b.file.c_str()) != 0))
    return say(exit_data_dir, std::string("the backup cannot be written: ") + std::strerror(errno));
  std::fprintf(stderr, "%llu entries, %llu bytes\n", static_cast<unsigned long long>(total),
               static_cast<unsigned long long>(writer.bytes()));
  return exit_done;
}

int restore_backup(const remote_options& o, const backup_options& b) {
  const bool from_stdin = b.file == "-";
  file_ptr file(from_stdin ? stdin : std::fopen(b.file.c_str(), "rb"));
  if (!file) return say(exit_no, b.file + ": " + std::strerror(errno));
  if (!from_stdin || b.dry_run) {
    std::uint64_t count = 0;
    if (const int code = check_file(file.get(), b, count); code != exit_done) return code;
    if (b.dry_run) {
      std::printf("%llu entries\n", static_cast<unsigned long long>(count));
      return exit_done;
    }
    std::rewind(file.get());
  }
  return apply_file(o, file.get(), b);
}

}  // namespace troupe::cli
