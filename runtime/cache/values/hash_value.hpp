// A hash: fields with values. Small: packed words in one string, each field followed by its value. Large: a table.
#pragma once

#include <optional>

#include "runtime/cache/values/member_node.hpp"
#include "runtime/cache/values/member_table.hpp"
#include "runtime/cache/values/value_object.hpp"

namespace troupe {

class hash_value final : public value_object {
 public:
  hash_value(const value_limits& limits, std::uint64_t seed) noexcept
      : value_object(value_type::hash, limits), seed_(seed) {}
  ~hash_value() override;

  [[nodiscard]] std::string_view encoding() const noexcept override { return table_ ? "hashtable" : "listpack"; }
  [[nodiscard]] std::size_t size() const noexcept override { return table_ ? table_->size() : count_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept override;
  [[nodiscard]] std::unique_ptr<value_object> clone() const override;
  void write_words(std::string& into) const override;
  [[nodiscard]] bool apply(value_edit e, const word_list& words) override;

  /// Valid until the next change.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view field) const noexcept;
  /// True when the field is new.
  bool put(std::string_view field, std::string_view value);
  bool remove(std::string_view field);

  using visitor = function_ref<void(std::string_view field, std::string_view value)>;
  void for_each(visitor visit) const;
  /// Shows about `count` fields from `cursor` on; the next cursor, 0 at the end. Small ones are shown at once.
  [[nodiscard]] std::uint64_t scan(std::uint64_t cursor, std::size_t count, visitor visit) const;
  /// One at random; not of an empty hash.
  void pick(random& rng, visitor visit) const;

 private:
  struct place {
    std::size_t begin, end;  // of field and value
    std::string_view value;
  };
  [[nodiscard]] std::optional<place> locate(std::string_view field) const noexcept;
  [[nodiscard]] bool fits(std::string_view field, std::string_view value) const noexcept;
  void spread();

  const std::uint64_t seed_;
  std::string packed_;
  std::uint32_t count_ = 0;
  std::unique_ptr<member_table<member_node>> table_;  // null: small
  std::uint64_t nodes_bytes_ = 0;
};

}  // namespace troupe
