// What a door may ask of the databases of its node: which there are, a copy of one, the end of one. Nothing blocks;
// answers come on a thread of the service.
#pragma once

#include <string>
#include <vector>

#include <troupe/database.hpp>

namespace troupe {

class database_admin {
 public:
  static constexpr duration backup_max = std::chrono::minutes(10);

  struct row {
    std::string name;
    bool open = false;  // migrated, and taking calls
    std::string role;   // role_note::way
  };

  virtual ~database_admin() = default;
  [[nodiscard]] virtual std::string driver_name() const = 0;
  [[nodiscard]] virtual std::vector<row> namespaces() const = 0;
  /// Copies a namespace into a new file on this node. not_found, already_exists, storage_failed, deadline_exceeded,
  /// not_implemented where the database has tools of its own.
  virtual void backup(const std::string& name, const std::string& file, done_callback done) = 0;
  /// Drops all that a service's namespace holds and migrates it anew. `meant` must be its name again: otherwise
  /// condition_failed. unavailable on a node that does not lead when nodes share the database, not_found.
  virtual void reset(const std::string& name, const std::string& meant, done_callback done) = 0;
};

}  // namespace troupe
