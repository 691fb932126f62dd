// What a namespace still needs: the migrations of the program against those that its database says
// were applied. Pure, so that every driver decides alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/services/database_driver.hpp"

namespace troupe {

/// A row of the table troupe_migrations.
struct applied_migration {
  std::uint32_t number = 0;
  std::string name;
  std::string checksum;
};

/// 16 hexadecimal digits of FNV-1a (64 bits) over name, a zero byte and SQL: it notices an edit, it
/// is no protection against intent.
[[nodiscard]] std::string checksum_of(const migration& m);

/// The migrations to apply, in order. bad_config when `wanted` is not numbered from 1 without a gap,
/// when an applied one differs from its text today, and when the database holds one that the program
/// does not know. `applied` is ordered by number.
[[nodiscard]] expected<std::vector<migration>> plan_migrations(const std::vector<migration>& wanted,
                                                               const std::vector<applied_migration>& applied);

}  // namespace troupe
