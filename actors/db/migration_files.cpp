#include "actors/db/migration_files.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace troupe {
namespace {

namespace fs = std::filesystem;

// "0001_books.sql": its number, 0 when it is named otherwise.
std::uint32_t number_of(const std::string& file) {
  const auto bar = file.find('_');
  if (bar == file.npos || bar == 0 || bar > 9 || !file.ends_with(".sql") || bar + 1 + 4 >= file.size()) return 0;
  std::uint32_t number = 0;
  const auto read = std::from_chars(file.data(), file.data() + bar, number);
  return read.ec == std::errc{} && read.ptr == file.data() + bar ? number : 0;
}

class folder {
 public:
  void take(const fs::directory_entry& entry) {
    const auto file = entry.path().filename().string();
    if (file.starts_with('.')) return;
    const auto number = number_of(file);
    if (number == 0 || number > migrations_max) return wrong(entry, "is not named NUMBER_NAME.sql");
    std::error_code failure;
    const auto size = fs::file_size(entry.path(), failure);
    if (failure) return wrong(entry, failure.message());
    if (size > migration_bytes_max) return wrong(entry, "is larger than 4 MiB");
    std::ifstream stream(entry.path(), std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    if (!stream) return wrong(entry, "cannot be read");
    const auto bar = file.find('_');
    const bool added =
        found_.emplace(number, migration{number, file.substr(bar + 1, file.size() - bar - 5), text.str()}).second;
    if (!added) wrong(entry, "has the number of another file");
  }

  [[nodiscard]] expected<std::vector<migration>> migrations() && {
    if (!faults_.empty()) return fail(errc::bad_config, std::move(faults_));
    std::vector<migration> all;
    for (auto& [number, m] : found_) all.push_back(std::move(m));
    return all;
  }

 private:
  void wrong(const fs::directory_entry& entry, const std::string& why) {
    faults_ += (faults_.empty() ? "" : "\n") + entry.path().string() + " " + why;
  }

  std::map<std::uint32_t, migration> found_;
  std::string faults_;
};

}  // namespace

expected<std::vector<migration>> read_migrations(const std::string& directory, const std::string& name_space,
                                                 sql_dialect dialect) {
  std::error_code failure;
  if (!fs::is_directory(directory, failure))
    return fail(errc::bad_config, "db.migrations: there is no directory " + directory);
  const auto path = fs::path(directory) / name_space / (dialect == sql_dialect::sqlite ? "sqlite" : "postgres");
  if (!fs::is_directory(path, failure)) return std::vector<migration>{};
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator at(path, failure), end; !failure && at != end; at.increment(failure))
    entries.push_back(*at);
  if (failure) return fail(errc::bad_config, path.string() + " cannot be read: " + failure.message());
  std::sort(entries.begin(), entries.end());
  folder f;
  for (const auto& entry : entries) f.take(entry);
  return std::move(f).migrations();
}

}  // namespace troupe
