#include "runtime/cache/values/sorted_set_value.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

namespace troupe {

namespace {

constexpr std::size_t score_bytes = 8;
static_assert(std::endian::native == std::endian::little, "scores travel with the lowest byte first");

}  // namespace

void append_score(std::string& into, double score) {
  char bytes[score_bytes];
  std::memcpy(bytes, &score, sizeof score);
  into.append(bytes, sizeof bytes);
}

double read_score(std::string_view eight) noexcept {
  double score = 0;
  std::memcpy(&score, eight.data(), sizeof score);
  return score;
}

void pack_score(std::string& into, double score) {
  pack_length(into, score_bytes);
  append_score(into, score);
}

void sorted_set_value::large::put(std::string_view member, double score) {
  auto* node = ranks.insert(names.position_of(member), member, score);
  nodes_bytes += node->bytes();
  names.insert(node);
}

std::uint64_t sorted_set_value::bytes() const noexcept {
  const auto more = large_ ? footprint_of(sizeof *large_) + large_->names.bytes() + large_->nodes_bytes : 0;
  return footprint_of(sizeof *this) + footprint_of(packed_) + more;
}

std::unique_ptr<value_object> sorted_set_value::clone() const {
  auto copy = std::make_unique<sorted_set_value>(limits(), seed_);
  visit(0, [&](std::string_view member, double score) {
    (void)copy->put(member, score);
    return true;
  });
  return copy;
}

void sorted_set_value::write_words(std::string& into) const {
  visit(0, [&](std::string_view member, double score) {
    pack_score(into, score);
    pack_word(into, member);
    return true;
  });
}

bool sorted_set_value::apply(value_edit e, const word_list& words) {
  if (e == value_edit::scores_remove) {
    for (const auto member : words) (void)remove(member);
    return true;
  }
  if (e != value_edit::scores_put) return e == value_edit::touch;
  if (words.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (words[i].size() != score_bytes || std::isnan(read_score(words[i]))) return false;
    (void)put(words[i + 1], read_score(words[i]));
  }
  return true;
}

std::optional<sorted_set_value::item> sorted_set_value::take_item(std::string_view& rest, std::size_t whole) noexcept {
  item i;
  i.begin = whole - rest.size();
  const auto member = take_word(rest);
  if (!member || rest.size() < score_bytes) return std::nullopt;
  i.member = *member;
  i.score = read_score(rest);
  rest.remove_prefix(score_bytes);
  i.end = whole - rest.size();
  return i;
}

std::optional<sorted_set_value::item> sorted_set_value::locate(std::string_view member) const noexcept {
  for (std::string_view rest = packed_; !rest.empty();) {
    const auto i = take_item(rest, packed_.size());
    if (!i || i->member == member) return i;
  }
  return std::nullopt;
}

std::optional<double> sorted_set_value::score(std::string_view member) const noexcept {
  if (large_) {
    const auto* node = large_->names.find(member);
    return node == nullptr ? std::nullopt : std::optional(node->score);
  }
  const auto i = locate(member);
  return i ? std::optional(i->score) : std::nullopt;
}

std::optional<std::size_t> sorted_set_value::rank(std::string_view member) const noexcept {
  if (large_) {
    const auto* node = large_->names.find(member);
    return node == nullptr ? std::nullopt : std::optional(large_->ranks.rank_of(*node));
  }
  std::size_t place = 0;
  for (std::string_view rest = packed_; !rest.empty(); ++place) {
    const auto i = take_item(rest, packed_.size());
    if (!i) break;
    if (i->member == member) return place;
  }
  return std::nullopt;
}

bool sorted_set_value::put(std::string_view member, double score) {
  if (!large_ && member.size() > limits().sorted_set_compact_bytes.load(std::memory_order_relaxed)) spread();
  if (large_) {
    auto* node = large_->names.find(member);
    if (node != nullptr && node->score == score) return false;
    if (node != nullptr) (void)remove(member);
    large_->put(member, score);
    return node == nullptr;
  }
  const auto old = locate(member);
  if (old && old->score == score) return false;
  if (old) (void)remove(member);
  std::size_t place = packed_.size();
  for (std::string_view rest = packed_; !rest.empty();) {
    const auto i = take_item(rest, packed_.size());
    if (!i || !comes_before(i->score, i->member, score, member)) {
      place = i ? i->begin : place;
      break;
    }
  }
  std::string bytes;
  pack_word(bytes, member);
  append_score(bytes, score);
  packed_.insert(place, bytes);
  ++count_;
  if (count_ > limits().sorted_set_compact_entries.load(std::memory_order_relaxed)) spread();
  return !old;
}

bool sorted_set_value::remove(std::string_view member) {
  if (!large_) {
    const auto i = locate(member);
    if (!i) return false;
    packed_.erase(i->begin, i->end - i->begin);
    --count_;
    return true;
  }
  auto* node = large_->names.find(member);
  if (node == nullptr) return false;
  large_->names.remove(node);
  large_->nodes_bytes -= node->bytes();
  large_->ranks.remove(node);
  return true;
}

void sorted_set_value::spread() {
  auto more = std::make_unique<large>(seed_);
  visit(0, [&](std::string_view member, double score) {
    more->put(member, score);
    return true;
  });
  large_ = std::move(more);
  std::string().swap(packed_);  // an assignment keeps the memory
  count_ = 0;
}

std::size_t sorted_set_value::count_while(
    function_ref<bool(double score, std::string_view member)> passes) const noexcept {
  if (large_) return large_->ranks.count_while(passes);
  std::size_t count = 0;
  for (std::string_view rest = packed_; !rest.empty(); ++count) {
    const auto i = take_item(rest, packed_.size());
    if (!i || !passes(i->score, i->member)) break;
  }
  return count;
}

void sorted_set_value::visit(std::size_t first, visitor visit) const {
  if (first >= size()) return;
  if (large_) {
    for (const auto* node = large_->ranks.at(first); node != nullptr; node = node->links()[0].next) {
      if (!visit(node->name(), node->score)) return;
    }
    return;
  }
  std::size_t place = 0;
  for (std::string_view rest = packed_; !rest.empty(); ++place) {
    const auto i = take_item(rest, packed_.size());
    if (!i || (place >= first && !visit(i->member, i->score))) return;
  }
}

void sorted_set_value::visit_back(std::size_t first, visitor visit) const {
  if (first >= size()) return;
  if (large_) {
    for (const auto* node = large_->ranks.at(first); node != nullptr; node = node->before) {
      if (!visit(node->name(), node->score)) return;
    }
    return;
  }
  std::vector<item> items;
  for (std::string_view rest = packed_; !rest.empty() && items.size() <= first;) {
    const auto i = take_item(rest, packed_.size());
    if (!i) return;
    items.push_back(*i);
  }
  for (auto at = items.rbegin(); at != items.rend(); ++at) {
    if (!visit(at->member, at->score)) return;
  }
}

std::uint64_t sorted_set_value::scan(std::uint64_t cursor, std::size_t count,
                                     function_ref<void(std::string_view member, double score)> visit_one) const {
  if (large_) return large_->names.scan(cursor, count, [&](const rank_node& n) { visit_one(n.name(), n.score); });
  visit(0, [&](std::string_view member, double score) {
    visit_one(member, score);
    return true;
  });
  return 0;
}

}  // namespace troupe
