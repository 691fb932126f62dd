#include "runtime/cache/values/set_value.hpp"

#include <charconv>

#include "runtime/base/integer_text.hpp"

namespace troupe {

namespace {

struct integer_text {
  char text[24];
  std::size_t size;
  explicit integer_text(std::int64_t n)
      : size(static_cast<std::size_t>(std::to_chars(text, text + sizeof text, n).ptr - text)) {}
  [[nodiscard]] std::string_view view() const noexcept { return {text, size}; }
};

}  // namespace

set_value::~set_value() {
  if (table_) table_->for_each([](member_node& n) { member_node::free(&n); });
}

std::string_view set_value::encoding() const noexcept {
  return form_ == form::integers ? "intset" : form_ == form::packed ? "listpack" : "hashtable";
}

std::size_t set_value::size() const noexcept {
  return form_ == form::integers ? integers_.size() : form_ == form::packed ? count_ : table_->size();
}

std::uint64_t set_value::bytes() const noexcept {
  const auto table = table_ ? footprint_of(sizeof *table_) + table_->bytes() + nodes_bytes_ : 0;
  return footprint_of(sizeof *this) + footprint_of(packed_) + footprint_of(integers_) + table;
}

std::unique_ptr<value_object> set_value::clone() const {
  auto copy = std::make_unique<set_value>(limits(), seed_);
  for_each([&](std::string_view member) { (void)copy->add(member); });
  return copy;
}

void set_value::write_words(std::string& into) const {
  for_each([&](std::string_view member) { pack_word(into, member); });
}

bool set_value::apply(value_edit e, const word_list& words) {
  if (e != value_edit::set_add && e != value_edit::set_remove) return e == value_edit::touch;
  for (const auto member : words) (void)(e == value_edit::set_add ? add(member) : remove(member));
  return true;
}

// Where a packed member begins; npos when it is not there.
std::size_t set_value::locate(std::string_view member, std::size_t& end) const noexcept {
  for (std::string_view rest = packed_; !rest.empty();) {
    const std::size_t begin = packed_.size() - rest.size();
    const auto word = take_word(rest);
    if (!word) break;
    end = packed_.size() - rest.size();
    if (*word == member) return begin;
  }
  return std::string::npos;
}

bool set_value::contains(std::string_view member) const noexcept {
  if (form_ == form::table) return table_->find(member) != nullptr;
  if (form_ == form::integers) {
    const auto n = read_integer_text(member);
    return n && std::binary_search(integers_.begin(), integers_.end(), *n);
  }
  std::size_t end = 0;
  return locate(member, end) != std::string::npos;
}

bool set_value::add(std::string_view member) {
  if (form_ == form::integers) {
    const auto n = read_integer_text(member);
    if (n) {
      const auto at = std::lower_bound(integers_.begin(), integers_.end(), *n);
      if (at != integers_.end() && *at == *n) return false;
      integers_.insert(at, *n);
      if (integers_.size() > limits().set_integer_entries.load(std::memory_order_relaxed)) spread();
      return true;
    }
    leave_integers(member);
  }
  if (contains(member)) return false;
  if (form_ == form::packed && (count_ >= limits().set_compact_entries.load(std::memory_order_relaxed) ||
                                member.size() > limits().set_compact_bytes.load(std::memory_order_relaxed)))
    spread();
  insert(member);
  return true;
}

void set_value::insert(std::string_view member) {
  if (form_ == form::packed) {
    pack_word(packed_, member);
    ++count_;
    return;
  }
  auto* n = member_node::make(table_->position_of(member), member, {});
  nodes_bytes_ += n->bytes();
  table_->insert(n);
}

bool set_value::remove(std::string_view member) {
  if (form_ == form::integers) {
    const auto n = read_integer_text(member);
    const auto at = n ? std::lower_bound(integers_.begin(), integers_.end(), *n) : integers_.end();
    if (at == integers_.end() || *at != *n) return false;
    integers_.erase(at);
    return true;
  }
  if (form_ == form::packed) {
    std::size_t end = 0;
    const auto begin = locate(member, end);
    if (begin == std::string::npos) return false;
    packed_.erase(begin, end - begin);
    --count_;
    return true;
  }
  auto* n = table_->find(member);
  if (n == nullptr) return false;
  table_->remove(n);
  nodes_bytes_ -= n->bytes();
  member_node::free(n);
  return true;
}

// Something that is no integer comes: packed, if the set is small enough.
void set_value::leave_integers(std::string_view newcomer) {
  if (integers_.size() >= limits().set_compact_entries.load(std::memory_order_relaxed) ||
      newcomer.size() > limits().set_compact_bytes.load(std::memory_order_relaxed))
    return spread();
  form_ = form::packed;
  for (const auto n : std::exchange(integers_, {})) insert(integer_text(n).view());
}

void set_value::spread() {
  auto table = std::make_unique<member_table<member_node>>(seed_);
  for_each([&](std::string_view member) {
    auto* n = member_node::make(table->position_of(member), member, {});
    nodes_bytes_ += n->bytes();
    table->insert(n);
  });
  table_ = std::move(table);
  form_ = form::table;
  std::string().swap(packed_);  // an assignment keeps the memory
  integers_ = std::vector<std::int64_t>();
  count_ = 0;
}

void set_value::for_each(visitor visit) const {
  while_each([&](std::string_view member) {
    visit(member);
    return true;
  });
}

void set_value::while_each(function_ref<bool(std::string_view member)> visit) const {
  if (form_ == form::integers) {
    for (const auto n : integers_) {
      if (!visit(integer_text(n).view())) return;
    }
  } else if (form_ == form::packed) {
    for (std::string_view rest = packed_; !rest.empty();) {
      const auto word = take_word(rest);
      if (!word || !visit(*word)) return;
    }
  } else {
    bool goes_on = true;
    table_->for_each([&](const member_node& n) { goes_on = goes_on && visit(n.name()); });
  }
}

std::uint64_t set_value::scan(std::uint64_t cursor, std::size_t count, visitor visit) const {
  if (form_ == form::table) return table_->scan(cursor, count, [&](const member_node& n) { visit(n.name()); });
  for_each(visit);
  return 0;
}

std::string set_value::pick(random& rng) const {
  if (form_ == form::table) return std::string(table_->pick(rng)->name());
  if (form_ == form::integers) return std::to_string(integers_[rng.below(integers_.size())]);
  auto left = rng.below(count_);
  std::string found;
  while_each([&](std::string_view member) {
    if (left-- != 0) return true;
    found = member;
    return false;
  });
  return found;
}

}  // namespace troupe
