// What a SQLite session does beside running statements: migrations, the probe of a disk that was full, the copy of a
// file that is in use, and reading a part at a time.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <SQLiteCpp/Backup.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "gateways/db/sqlite_session.hpp"
#include "runtime/database/bulk_statement.hpp"
#include "runtime/services/migration_plan.hpp"

namespace troupe {

// Each node has its own file, so that no leader is needed: the write lock orders programs that share one.
expected<void> sqlite_session::migrate(const std::vector<migration>& migrations, const std::optional<fenced>&) {
  auto table = run_plain(
      "CREATE TABLE IF NOT EXISTS troupe_migrations("
      "number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL)");
  if (!table) return table;
  auto rows = run("SELECT number, name, checksum FROM troupe_migrations ORDER BY number", {});
  if (!rows) return tl::unexpected(rows.error());
  std::vector<applied_migration> applied;
  for (const auto& row : rows->rows) {
    const auto* number = std::get_if<std::int64_t>(&row[0]);
    const auto* label = std::get_if<std::string>(&row[1]);
    const auto* checksum = std::get_if<std::string>(&row[2]);
    if (number == nullptr || label == nullptr || checksum == nullptr)
      return failed(SQLITE_CORRUPT, "a row of troupe_migrations has the wrong types");
    applied.push_back({static_cast<std::uint32_t>(*number), *label, *checksum});
  }
  auto plan = plan_migrations(migrations, applied);
  if (!plan) return fail(plan.error().code, "database " + path_ + ": " + plan.error().context);
  for (const auto& m : *plan) {
    if (auto done = apply(m); !done) {
      rollback();
      return done;
    }
  }
  return {};
}

expected<void> sqlite_session::apply(const migration& m) {
  if (auto begun = begin(db_access::write); !begun) return begun;
  const int code = db_.tryExec(m.sql);
  if (code != SQLITE_OK) {
    const auto reason = failed(db_.getExtendedErrorCode(), db_.getErrorMsg());
    if (reason.value().code != errc::invalid_argument) return reason;
    return fail(errc::bad_config,
                "migration " + std::to_string(m.number) + " (" + m.name + "): " + reason.value().context);
  }
  if (sqlite3_get_autocommit(db_.getHandle()) != 0)
    return fail(errc::bad_config,
                "migration " + std::to_string(m.number) + " (" + m.name + ") ends its own transaction");
  auto noted =
      run("INSERT INTO troupe_migrations(number, name, checksum, applied_at) "
          "VALUES(?, ?, ?, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
          {std::int64_t{m.number}, m.name, checksum_of(m)});
  if (!noted) return tl::unexpected(noted.error());
  return commit();
}

expected<void> sqlite_session::run_script(const std::string& sql) {
  if (db_.tryExec(sql) == SQLITE_OK) return {};
  return failed(db_.getExtendedErrorCode(), db_.getErrorMsg());
}

expected<void> sqlite_session::probe() {
  auto written = write_probe();
  if (written || written.error().code != errc::storage_failed) return written;
  // What the log holds goes into the file: a log that filled the disk gives its room back. Only now,
  // because the file may grow by it and would take the room that a write needs.
  (void)db_.tryExec("PRAGMA wal_checkpoint(TRUNCATE)");
  return write_probe();
}

expected<void> sqlite_session::write_probe() {
  if (auto begun = begin(db_access::write); !begun) return begun;
  auto written = run_plain("CREATE TABLE IF NOT EXISTS troupe_probe(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  if (written) {
    auto row = run("INSERT OR REPLACE INTO troupe_probe(id, bytes) VALUES(1, randomblob(?))",
                   {static_cast<std::int64_t>(probe_bytes)});
    if (!row) written = tl::unexpected(row.error());
  }
  if (!written) {
    rollback();
    return written;
  }
  return commit();
}

expected<void> sqlite_session::open_cursor(std::string_view sql, const db_row& parameters) {
  close_cursor();
  return guarded([&]() -> expected<void> {
    cursor_.emplace(kept_statement{std::string(sql), SQLite::Statement(db_, std::string(sql)), nullptr});
    cursor_ended_ = false;
    return bind(*cursor_, parameters);
  });
}

expected<db_result> sqlite_session::fetch(std::size_t rows_max) {
  if (!cursor_) return fail(errc::invalid_argument, "no cursor is open");
  if (cursor_ended_) return db_result{};
  return guarded([&]() -> expected<db_result> {
    auto rows = step(*cursor_, rows_max);
    cursor_ended_ = !rows || rows->rows.size() < rows_max;
    return rows;
  });
}

void sqlite_session::close_cursor() noexcept { cursor_.reset(); }

namespace {

// Not among the node's own files, where it would be taken for one of them.
bool is_inside(const std::filesystem::path& file, const std::filesystem::path& directory) {
  std::error_code unknown;
  const auto at = std::filesystem::weakly_canonical(std::filesystem::absolute(file), unknown);
  const auto root = std::filesystem::weakly_canonical(std::filesystem::absolute(directory), unknown);
  return std::mismatch(root.begin(), root.end(), at.begin(), at.end()).first == root.end();
}

// A file of our own, or none: what is there already is left as it is, a symbolic link, too.
expected<void> make_anew(const std::string& file) {
  const int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0) {
    ::close(fd);
    return {};
  }
  if (errno == EEXIST)
    return fail(errc::already_exists, file + " is there already: another backup, or one that broke off");
  return fail(errc::storage_failed, "cannot create " + file + ": " + std::strerror(errno));
}

// Under its name at once or not at all, and never in another's place.
expected<void> name_it(const std::string& unfinished, const std::string& file) {
  if (::link(unfinished.c_str(), file.c_str()) == 0) return {};
  if (errno == EEXIST) return fail(errc::already_exists, file + " is there already");
  return fail(errc::storage_failed, "cannot name " + file + ": " + std::strerror(errno));
}

}  // namespace

expected<void> sqlite_session::backup(const std::string& file, const std::function<bool()>& go_on) {
  const auto data_dir = std::filesystem::path(path_).parent_path().parent_path();
  if (file.empty() || is_inside(file, data_dir))
    return fail(errc::invalid_argument, "a backup goes into a file outside of the data directory");
  std::error_code unknown;
  if (std::filesystem::exists(file, unknown)) return fail(errc::already_exists, file + " is there already");
  const std::string unfinished = file + ".unfinished";
  if (auto made = make_anew(unfinished); !made) return made;
  auto copied = copy_into(unfinished, go_on);
  if (copied) copied = name_it(unfinished, file);
  std::filesystem::remove(unfinished, unknown);
  return copied;
}

// A snapshot that is held: without it each write of others would begin the copy anew.
expected<void> sqlite_session::copy_into(const std::string& file, const std::function<bool()>& go_on) {
  if (auto begun = begin(db_access::read); !begun) return begun;
  auto copied = guarded([&]() -> expected<void> {
    (void)db_.execAndGet("SELECT count(*) FROM sqlite_master");
    SQLite::Database copy(file, SQLite::OPEN_READWRITE);
    SQLite::Backup pages(copy, db_);
    for (int code = SQLITE_OK; code != SQLITE_DONE;) {
      if (!go_on()) return fail(errc::unavailable, "the backup was given up");
      code = pages.executeStep(backup_pages);
    }
    return {};
  });
  rollback();
  return copied;
}

// Object by object in one transaction, which other connections to the file survive. Virtual tables first: they take
// their shadows with them.
expected<void> sqlite_session::drop_all() {
  if (auto begun = begin(db_access::write); !begun) return begun;
  for (;;) {
    const auto next =
        run("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' "
            "ESCAPE '\\' "
            "ORDER BY sql LIKE 'CREATE VIRTUAL%' DESC, type DESC LIMIT 1",
            {});
    if (!next) return tl::unexpected(next.error());
    if (next->empty()) return commit();
    const auto name = quoted_name(*next->get<std::string>(0, 1));
    if (!name) return tl::unexpected(name.error());
    if (auto dropped = run_plain("DROP " + *next->get<std::string>(0, 0) + " " + *name); !dropped) return dropped;
  }
}

expected<void> sqlite_session::reset(const std::optional<fenced>&) {
  rollback();
  close_cursor();
  (void)db_.tryExec("PRAGMA foreign_keys = OFF");
  auto dropped = drop_all();
  if (!dropped) rollback();
  (void)db_.tryExec("PRAGMA foreign_keys = ON");
  return dropped;
}

}  // namespace troupe
