// Where a connection goes and how it begins: the DSN taken apart once, with what every connection of ours has in
// addition. What the DSN says itself prevails. Its password is never given out as text.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <troupe/error.hpp>

#include "gateways/db/libpq.hpp"

namespace troupe {

enum class postgres_role : std::uint8_t { primary, standby };

class postgres_target {
 public:
  using words = std::map<std::string, std::string>;

  /// Loads libpq. bad_config for a DSN that is none (the context holds no password), unavailable without libpq.
  [[nodiscard]] static expected<postgres_target> parse(const std::string& dsn, const std::string& password);

  /// For connections that live in the schema `name_space`; a standby is only preferred.
  [[nodiscard]] postgres_target in(const std::string& name_space, postgres_role role) const;

  /// Hosts that are neither an address nor a path, each with what it will be dialled by once it is looked up.
  [[nodiscard]] bool has_names() const;
  [[nodiscard]] std::vector<std::string> hosts() const;

  /// Begins a connection. `addresses`: of each host in the order of hosts(), empty when there was nothing to look up.
  /// Null without memory.
  [[nodiscard]] PGconn* dial(const std::vector<std::vector<std::string>>& addresses) const;

 private:
  words words_;
};

}  // namespace troupe
