// A set. Only integers: sorted, in a vector. A few short members: packed words in one string. Otherwise: a table.
#pragma once

#include <vector>

#include "runtime/cache/values/member_node.hpp"
#include "runtime/cache/values/member_table.hpp"
#include "runtime/cache/values/value_object.hpp"

namespace troupe {

class set_value final : public value_object {
 public:
  set_value(const value_limits& limits, std::uint64_t seed) noexcept
      : value_object(value_type::set, limits), seed_(seed) {}
  ~set_value() override;

  [[nodiscard]] std::string_view encoding() const noexcept override;
  [[nodiscard]] std::size_t size() const noexcept override;
  [[nodiscard]] std::uint64_t bytes() const noexcept override;
  [[nodiscard]] std::unique_ptr<value_object> clone() const override;
  void write_words(std::string& into) const override;
  [[nodiscard]] bool apply(value_edit e, const word_list& words) override;

  [[nodiscard]] bool contains(std::string_view member) const noexcept;
  /// False when it is there already.
  bool add(std::string_view member);
  bool remove(std::string_view member);

  using visitor = function_ref<void(std::string_view member)>;
  /// Members are shown as views that live as long as the call.
  void for_each(visitor visit) const;
  /// The same until `visit` says false.
  void while_each(function_ref<bool(std::string_view member)> visit) const;
  [[nodiscard]] std::uint64_t scan(std::uint64_t cursor, std::size_t count, visitor visit) const;
  /// One at random; not of an empty set.
  [[nodiscard]] std::string pick(random& rng) const;

 private:
  enum class form : std::uint8_t { integers, packed, table };
  [[nodiscard]] std::size_t locate(std::string_view member, std::size_t& end) const noexcept;
  void leave_integers(std::string_view newcomer);
  void spread();
  void insert(std::string_view member);

  const std::uint64_t seed_;
  form form_ = form::integers;
  std::uint32_t count_ = 0;  // packed
  std::vector<std::int64_t> integers_;
  std::string packed_;
  std::unique_ptr<member_table<member_node>> table_;
  std::uint64_t nodes_bytes_ = 0;
};

}  // namespace troupe
