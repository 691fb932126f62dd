// A sorted set: members with scores, by (score, member). Small: one string, in order, each member as a packed word and
// eight bytes of score. Large: a rank list, and a table of its nodes by name.
#pragma once

#include <optional>

#include "runtime/cache/values/member_table.hpp"
#include "runtime/cache/values/rank_list.hpp"
#include "runtime/cache/values/value_object.hpp"

namespace troupe {

class sorted_set_value final : public value_object {
 public:
  sorted_set_value(const value_limits& limits, std::uint64_t seed) noexcept
      : value_object(value_type::sorted_set, limits), seed_(seed) {}

  [[nodiscard]] std::string_view encoding() const noexcept override { return large_ ? "skiplist" : "listpack"; }
  [[nodiscard]] std::size_t size() const noexcept override { return large_ ? large_->ranks.size() : count_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept override;
  [[nodiscard]] std::unique_ptr<value_object> clone() const override;
  void write_words(std::string& into) const override;
  [[nodiscard]] bool apply(value_edit e, const word_list& words) override;

  [[nodiscard]] std::optional<double> score(std::string_view member) const noexcept;
  [[nodiscard]] std::optional<std::size_t> rank(std::string_view member) const noexcept;
  /// True when the member is new. `score` is no NaN.
  bool put(std::string_view member, double score);
  bool remove(std::string_view member);

  /// How many from the start on pass; after the first that does not, none does.
  [[nodiscard]] std::size_t count_while(
      function_ref<bool(double score, std::string_view member)> passes) const noexcept;
  /// Shows members by place from `first` on, forwards or backwards, until `visit` says false.
  using visitor = function_ref<bool(std::string_view member, double score)>;
  void visit(std::size_t first, visitor visit) const;
  void visit_back(std::size_t first, visitor visit) const;
  /// Shows about `count` members from `cursor` on; the next cursor, 0 at the end.
  [[nodiscard]] std::uint64_t scan(std::uint64_t cursor, std::size_t count,
                                   function_ref<void(std::string_view member, double score)> visit) const;

 private:
  struct large {
    explicit large(std::uint64_t seed) : ranks(seed), names(seed) {}
    rank_list ranks;
    member_table<rank_node> names;
    std::uint64_t nodes_bytes = 0;

    void put(std::string_view member, double score);
  };
  struct item {
    std::string_view member;
    double score = 0;
    std::size_t begin = 0, end = 0;
  };
  [[nodiscard]] static std::optional<item> take_item(std::string_view& rest, std::size_t whole) noexcept;
  [[nodiscard]] std::optional<item> locate(std::string_view member) const noexcept;
  void spread();

  const std::uint64_t seed_;
  std::string packed_;
  std::uint32_t count_ = 0;
  std::unique_ptr<large> large_;  // null: small
};

/// A score as eight bytes, and back.
void append_score(std::string& into, double score);
[[nodiscard]] double read_score(std::string_view eight) noexcept;
/// As a word.
void pack_score(std::string& into, double score);

}  // namespace troupe
