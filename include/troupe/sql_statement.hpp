// A statement that was looked at once: its parameters counted and written as the database wants them, and whether
// it changes anything. Made by database::prepare; cheap to copy; may be used from any thread, again and again.
//
// Parameters are written ?, ?1 or $1, in any database; one statement uses one of the two kinds. Whatever stands
// in quotes or comments is left alone; ?? is a question mark that is none (the operators ?, ?| and ?& of jsonb). Values
// never become part of the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/fenced_sql.hpp>

namespace troupe {

class sql_statement {
 public:
  static constexpr std::size_t text_bytes_max = 256 * 1024;
  static constexpr std::size_t name_bytes_max = 64;  // [A-Za-z0-9_.-]
  static constexpr std::size_t parameters_max = 32766;

  sql_statement() = default;  // of no use until assigned

  /// `id` names it among the prepared statements of a connection; 0: it is not kept there.
  /// errc::invalid_argument for a bad name, no or more than one statement, unfinished quotes, a mix of parameters or a
  /// gap between their numbers, and for BEGIN, COMMIT and their kin; errc::too_large.
  [[nodiscard]] static expected<sql_statement> parse(std::string name, std::string_view text, sql_dialect dialect,
                                                     std::uint64_t id);

  /// Text of a driver's own, taken as it is.
  [[nodiscard]] static sql_statement unchecked(std::string name, std::string text, std::size_t parameters);

  [[nodiscard]] const std::string& name() const noexcept { return parts_->name; }
  [[nodiscard]] const std::string& text() const noexcept { return parts_->text; }
  [[nodiscard]] std::uint64_t id() const noexcept { return parts_->id; }
  [[nodiscard]] std::size_t parameters() const noexcept { return parts_->parameters; }
  /// False when its words say that it only reads. What a function does that it calls, nobody can see.
  [[nodiscard]] bool writes() const noexcept { return parts_->writes; }
  [[nodiscard]] bool empty() const noexcept { return parts_ == nullptr; }
  /// The same for copies of one statement, different for any two that are there at a time.
  [[nodiscard]] const void* identity() const noexcept { return parts_.get(); }

 private:
  struct parts {
    std::string name;
    std::string text;
    std::uint64_t id = 0;
    std::size_t parameters = 0;
    bool writes = true;
  };
  std::shared_ptr<const parts> parts_;
};

}  // namespace troupe
