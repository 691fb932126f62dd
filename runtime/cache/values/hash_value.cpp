#include "runtime/cache/values/hash_value.hpp"

namespace troupe {

hash_value::~hash_value() {
  if (table_) table_->for_each([](member_node& n) { member_node::free(&n); });
}

std::uint64_t hash_value::bytes() const noexcept {
  const auto table = table_ ? footprint_of(sizeof *table_) + table_->bytes() + nodes_bytes_ : 0;
  return footprint_of(sizeof *this) + footprint_of(packed_) + table;
}

std::unique_ptr<value_object> hash_value::clone() const {
  auto copy = std::make_unique<hash_value>(limits(), seed_);
  for_each([&](std::string_view field, std::string_view value) { (void)copy->put(field, value); });
  return copy;
}

void hash_value::write_words(std::string& into) const {
  if (!table_) {
    into.append(packed_);
    return;
  }
  for_each([&](std::string_view field, std::string_view value) {
    pack_word(into, field);
    pack_word(into, value);
  });
}

bool hash_value::apply(value_edit e, const word_list& words) {
  if (e == value_edit::hash_put && words.size() % 2 == 0) {
    for (std::size_t i = 0; i < words.size(); i += 2) (void)put(words[i], words[i + 1]);
    return true;
  }
  if (e != value_edit::hash_remove) return e == value_edit::touch;
  for (const auto field : words) (void)remove(field);
  return true;
}

std::optional<hash_value::place> hash_value::locate(std::string_view field) const noexcept {
  for (std::string_view rest = packed_; !rest.empty();) {
    const std::size_t begin = packed_.size() - rest.size();
    const auto name = take_word(rest);
    const auto value = take_word(rest);
    if (!name || !value) return std::nullopt;
    if (*name == field) return place{begin, packed_.size() - rest.size(), *value};
  }
  return std::nullopt;
}

std::optional<std::string_view> hash_value::find(std::string_view field) const noexcept {
  if (table_) {
    const auto* n = table_->find(field);
    return n == nullptr ? std::nullopt : std::optional(n->value());
  }
  const auto at = locate(field);
  return at ? std::optional(at->value) : std::nullopt;
}

bool hash_value::fits(std::string_view field, std::string_view value) const noexcept {
  return std::max(field.size(), value.size()) <= limits().hash_compact_bytes.load(std::memory_order_relaxed);
}

bool hash_value::put(std::string_view field, std::string_view value) {
  if (!table_ && !fits(field, value)) spread();
  if (!table_) {
    std::string pair;
    pack_word(pair, field);
    pack_word(pair, value);
    if (const auto at = locate(field)) {
      packed_.replace(at->begin, at->end - at->begin, pair);
      return false;
    }
    packed_.append(pair);
    ++count_;
    if (count_ > limits().hash_compact_entries.load(std::memory_order_relaxed)) spread();
    return true;
  }
  auto* old = table_->find(field);
  if (old != nullptr && old->value_size == value.size()) {
    if (!value.empty()) std::memcpy(old->text() + old->name_size, value.data(), value.size());
    return false;
  }
  auto* fresh = member_node::make(table_->position_of(field), field, value);
  nodes_bytes_ += fresh->bytes();
  if (old == nullptr) {
    table_->insert(fresh);
    return true;
  }
  table_->replace(old, fresh);
  nodes_bytes_ -= old->bytes();
  member_node::free(old);
  return false;
}

bool hash_value::remove(std::string_view field) {
  if (!table_) {
    const auto at = locate(field);
    if (!at) return false;
    packed_.erase(at->begin, at->end - at->begin);
    --count_;
    return true;
  }
  auto* n = table_->find(field);
  if (n == nullptr) return false;
  table_->remove(n);
  nodes_bytes_ -= n->bytes();
  member_node::free(n);
  return true;
}

void hash_value::spread() {
  auto table = std::make_unique<member_table<member_node>>(seed_);
  for_each([&](std::string_view field, std::string_view value) {
    auto* n = member_node::make(table->position_of(field), field, value);
    nodes_bytes_ += n->bytes();
    table->insert(n);
  });
  table_ = std::move(table);
  std::string().swap(packed_);  // an assignment keeps the memory
  count_ = 0;
}

void hash_value::for_each(visitor visit) const {
  if (table_) return table_->for_each([&](const member_node& n) { visit(n.name(), n.value()); });
  for (std::string_view rest = packed_; !rest.empty();) {
    const auto field = take_word(rest);
    const auto value = take_word(rest);
    if (!field || !value) return;
    visit(*field, *value);
  }
}

std::uint64_t hash_value::scan(std::uint64_t cursor, std::size_t count, visitor visit) const {
  if (table_) return table_->scan(cursor, count, [&](const member_node& n) { visit(n.name(), n.value()); });
  for_each(visit);
  return 0;
}

void hash_value::pick(random& rng, visitor visit) const {
  if (table_) {
    const auto* n = table_->pick(rng);
    return visit(n->name(), n->value());
  }
  auto left = rng.below(count_);
  for_each([&](std::string_view field, std::string_view value) {
    if (left-- == 0) visit(field, value);
  });
}

}  // namespace troupe
