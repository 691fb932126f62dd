#include "gateways/db/sqlite_driver.hpp"

#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "gateways/db/sqlite_session.hpp"

namespace troupe {
namespace {

// A new directory entry is durable only when its parent was flushed; SQLite does so for its own files.
bool flush_directory(const std::string& path) noexcept {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool flushed = ::fsync(fd) == 0;
  ::close(fd);
  return flushed;
}

// SQLite takes a file too short for its header as a new database and would write over what is left.
constexpr std::uintmax_t smallest_database = 512;

bool is_torn_header(const std::string& path) noexcept {
  std::error_code missing;
  const auto size = std::filesystem::file_size(path, missing);
  return !missing && size > 0 && size < smallest_database;
}

}  // namespace

sqlite_driver::sqlite_driver(settings s) : settings_(std::move(s)) {}

sqlite_driver::settings sqlite_driver::settings_of(const config& c) {
  return {c.node.data_dir, c.db.busy_timeout,
          c.db.synchronous == "normal" ? sqlite_synchronous::normal : sqlite_synchronous::full, c.db.check_max,
          c.db.cache_size};
}

std::string sqlite_driver::path_of(const std::string& name_space) const {
  return settings_.data_dir + "/db/" + name_space + ".sqlite3";
}

expected<void> sqlite_driver::make_directory() const {
  const std::string path = settings_.data_dir + "/db";
  std::error_code failure;
  const bool made = std::filesystem::create_directories(path, failure);
  if (failure) return fail(errc::storage_failed, "cannot create " + path + ": " + failure.message());
  if (made && !flush_directory(settings_.data_dir))
    return fail(errc::storage_failed, "cannot flush the directory " + settings_.data_dir);
  return {};
}

namespace {

expected<void> check_name(const std::string& name_space) {
  if (is_namespace(name_space)) return {};
  return fail(errc::invalid_argument, "'" + name_space + "' is no namespace: [a-z][a-z0-9_]*, at most " +
                                          std::to_string(namespace_length_max) + " characters");
}

}  // namespace

expected<std::unique_ptr<database_session>> sqlite_driver::open(const std::string& name_space) {
  if (auto named = check_name(name_space); !named) return tl::unexpected(named.error());
  if (auto made = make_directory(); !made) return tl::unexpected(made.error());
  if (is_torn_header(path_of(name_space)))
    return fail(errc::corrupt, "database " + path_of(name_space) +
                                   ": the file is cut off in its header: restore it from a copy, or move it away");
  auto session = sqlite_session::open(path_of(name_space), settings_, db_access::write);
  if (!session) return tl::unexpected(session.error());
  return std::unique_ptr<database_session>(std::move(*session));
}

expected<std::unique_ptr<database_session>> sqlite_driver::open_reader(const std::string& name_space) {
  if (auto named = check_name(name_space); !named) return tl::unexpected(named.error());
  auto session = sqlite_session::open(path_of(name_space), settings_, db_access::read);
  if (!session) return tl::unexpected(session.error());
  return std::unique_ptr<database_session>(std::move(*session));
}

}  // namespace troupe
