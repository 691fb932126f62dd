// SORT: elements of a list, set or sorted set, by themselves or by other keys of the same slot.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "runtime/cache/procedures/functions.hpp"
#include "runtime/cache/procedures/typed.hpp"
#include "runtime/sharding/slot.hpp"

namespace troupe::procedures {

namespace {

struct sort_request {
  bool descending = false;
  bool alphabetic = false;
  bool unsorted = false;  // BY a pattern without a star
  std::int64_t first = 0, count = -1;
  std::string_view by;
  std::vector<std::string_view> get;
  std::optional<std::string_view> store;
};

struct sort_element {
  std::string_view text;
  double score = 0;
  std::optional<std::string> by;  // of an alphabetic sort by a pattern
};

// Keys that a pattern makes are in one slot when its hash tag is: then the star stands outside of it.
bool stays_in_slot(std::string_view pattern, std::string_view key) {
  const auto open = pattern.find('{');
  const auto close = open == std::string_view::npos ? open : pattern.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return false;
  return pattern.find('*') > close && slot_of(pattern) == slot_of(key);
}

bool read_sort(procedure_call& c, bool reads_only, sort_request& r) {
  const auto refuse = [&](const std::string& why) {
    c.reply.error(why);
    return false;
  };
  const auto in_slots = [](const char* option) {
    return "ERR " + std::string(option) +
           " option of SORT denied in cluster mode when keys formed by the pattern may be in different slots.";
  };
  for (std::size_t i = 1; i < c.size(); ++i) {
    const auto left = c.size() - i - 1;
    if (is_word(c[i], "asc")) {
      r.descending = false;
    } else if (is_word(c[i], "desc")) {
      r.descending = true;
    } else if (is_word(c[i], "alpha")) {
      r.alphabetic = true;
    } else if (is_word(c[i], "limit") && left >= 2) {
      const auto first = integer_word(c, i + 1);
      if (!first) return false;
      const auto count = integer_word(c, i + 2);
      if (!count) return false;
      r.first = *first;
      r.count = *count;
      i += 2;
    } else if (!reads_only && is_word(c[i], "store") && left >= 1) {
      r.store = c[++i];
    } else if (is_word(c[i], "by") && left >= 1) {
      r.by = c[++i];
      r.unsorted = r.by.find('*') == std::string_view::npos;
      if (!r.unsorted && !stays_in_slot(r.by, c[0])) return refuse(in_slots("BY"));
    } else if (is_word(c[i], "get") && left >= 1) {
      r.get.push_back(c[++i]);
      if (c[i] != "#" && !stays_in_slot(c[i], c[0])) return refuse(in_slots("GET"));
    } else {
      return refuse(std::string(syntax_error));
    }
  }
  return true;
}

// What the pattern stands for with an element in place of its star; "->field" looks into a hash.
std::optional<std::string> look_up(procedure_call& c, std::string_view pattern, std::string_view element) {
  if (pattern == "#") return std::string(element);
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return std::nullopt;
  const auto arrow = pattern.find("->", star);
  const bool in_hash = arrow != std::string_view::npos && arrow + 2 < pattern.size();
  const auto end = in_hash ? arrow : pattern.size();
  std::string key(pattern.substr(0, star));
  key.append(element).append(pattern.substr(star + 1, end - star - 1));
  const auto found = c.keys.look(key);
  if (!found) return std::nullopt;
  if (!in_hash) return found->type == value_type::string ? std::optional(std::string(found->bytes)) : std::nullopt;
  if (found->type != value_type::hash) return std::nullopt;
  const auto value = static_cast<const hash_value*>(found->object)->find(pattern.substr(arrow + 2));
  return value ? std::optional(std::string(*value)) : std::nullopt;
}

// False: an error is the reply.
bool take_elements(procedure_call& c, std::vector<std::string>& elements) {
  const auto found = c.keys.find(c[0]);
  if (!found) return true;
  const auto add = [&](std::string_view word) {
    elements.emplace_back(word);
    return true;
  };
  if (found->type == value_type::list) {
    static_cast<const list_value*>(found->object)->visit(0, [&](std::size_t, std::string_view word) {
      return add(word);
    });
  } else if (found->type == value_type::set) {
    static_cast<const set_value*>(found->object)->while_each(add);
  } else if (found->type == value_type::sorted_set) {
    static_cast<const sorted_set_value*>(found->object)->visit(0, [&](std::string_view member, double) {
      return add(member);
    });
  } else {
    c.reply.wrong_type();
    return false;
  }
  return true;
}

bool weigh(procedure_call& c, const sort_request& r, std::vector<sort_element>& elements) {
  for (auto& e : elements) {
    if (r.alphabetic) {
      if (!r.by.empty()) e.by = look_up(c, r.by, e.text);
      continue;
    }
    const auto text = r.by.empty() ? std::optional(std::string(e.text)) : look_up(c, r.by, e.text);
    if (!text) continue;
    const auto score = text->empty() ? std::optional(0.0) : read_real(*text);
    if (!score) {
      c.reply.error("ERR One or more scores can't be converted into double");
      return false;
    }
    e.score = *score;
  }
  return true;
}

int order_of(const sort_request& r, const sort_element& a, const sort_element& b) {
  int order = 0;
  if (!r.alphabetic)
    order = a.score < b.score ? -1 : a.score > b.score ? 1 : a.text.compare(b.text);
  else if (r.by.empty())
    order = a.text.compare(b.text);
  else if (a.by && b.by)
    order = a.by->compare(*b.by);
  else
    order = (a.by ? 1 : 0) - (b.by ? 1 : 0);
  return r.descending ? -order : order;
}

void reply_with(procedure_call& c, const sort_request& r, const std::vector<std::optional<std::string>>& results) {
  if (!r.store) {
    c.reply.array(results.size());
    for (const auto& result : results) result ? c.reply.bulk(*result) : c.reply.null();
    return;
  }
  auto list = std::make_unique<list_value>(c.keys.limits());
  for (const auto& result : results) list->push_back(result ? std::string_view(*result) : std::string_view());
  const auto size = static_cast<std::int64_t>(list->size());
  if (!put_object(c, *r.store, std::move(list))) return;
  if (size != 0) c.keys.tell(event_kind::list, "sortstore", *r.store);
  c.reply.integer(size);
}

void run_sort(procedure_call& c, bool reads_only) {
  sort_request r;
  if (!read_sort(c, reads_only, r)) return;
  std::vector<std::string> texts;
  if (!take_elements(c, texts)) return;
  std::vector<sort_element> elements(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) elements[i].text = texts[i];
  if (!r.unsorted) {
    if (!weigh(c, r, elements)) return;
    std::stable_sort(elements.begin(), elements.end(),
                     [&](const sort_element& a, const sort_element& b) { return order_of(r, a, b) < 0; });
  }
  const auto size = static_cast<std::int64_t>(elements.size());
  const auto first = std::clamp<std::int64_t>(r.first, 0, size);
  const auto end = r.count < 0 ? size : std::min(size, first + std::min(r.count, size));
  std::vector<std::optional<std::string>> results;
  for (auto i = first; i < end; ++i) {
    const auto text = elements[static_cast<std::size_t>(i)].text;
    if (r.get.empty()) results.emplace_back(std::string(text));
    for (const auto pattern : r.get) results.push_back(look_up(c, pattern, text));
  }
  reply_with(c, r, results);
}

void sort(procedure_call& c) { run_sort(c, false); }
void sort_ro(procedure_call& c) { run_sort(c, true); }

}  // namespace

function sort_function(procedure p) noexcept {
  switch (p) {
    case procedure::sort: return sort;
    case procedure::sort_ro: return sort_ro;
    default: return nullptr;
  }
}

}  // namespace troupe::procedures
