// Values on their way to and from libpq: parameters as text, bytes as they are; columns by the type that the server
// says, and as text when it is none of ours.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <troupe/sql_value.hpp>

#include "gateways/db/libpq.hpp"

namespace troupe {

/// What PQsendQueryParams wants to be pointed at; borrows from `values`.
class postgres_parameters {
 public:
  explicit postgres_parameters(const sql_row& values);
  postgres_parameters(const postgres_parameters&) = delete;
  postgres_parameters& operator=(const postgres_parameters&) = delete;

  [[nodiscard]] int count() const noexcept { return static_cast<int>(texts_.size()); }
  [[nodiscard]] const char* const* texts() const noexcept { return texts_.data(); }
  [[nodiscard]] const int* lengths() const noexcept { return lengths_.data(); }
  [[nodiscard]] const int* formats() const noexcept { return formats_.data(); }

 private:
  void add(const sql_value& v);
  const char* number(std::string_view text);

  std::vector<const char*> texts_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
  std::vector<std::array<char, 32>> numbers_;
};

struct result_freer {
  void operator()(PGresult* r) const noexcept { pq().PQclear(r); }
};
using postgres_result = std::unique_ptr<PGresult, result_freer>;

/// too_large beyond database::result_bytes_max, corrupt for a value that is none of its type. `columns` are the names
/// as they were last; they are made anew when they have changed.
[[nodiscard]] expected<sql_result> rows_of(const PGresult* r, std::shared_ptr<const sql_columns>& columns);

/// The error of a result: its first line, its code by SQLSTATE.
struct postgres_fault {
  std::string state;
  bool ends_session = false;  // FATAL or PANIC
  bool stale_plan = false;    // what is prepared no longer fits
  error why;
};
[[nodiscard]] postgres_fault fault_of(const PGresult* r);

/// The server says that it committed here without waiting for its standby: it was cancelled while it waited.
[[nodiscard]] bool tells_unreplicated(const PGresult* notice);

/// What libpq says of a connection, without a line end.
[[nodiscard]] std::string first_line(std::string_view text);

}  // namespace troupe
