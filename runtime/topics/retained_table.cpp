#include "runtime/topics/retained_table.hpp"

#include <set>
#include <utility>

namespace troupe {

namespace {

// splitmix64's finaliser.
std::uint64_t mixed(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::uint64_t sum_of(std::string_view topic, const topic_stamp& s) noexcept {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : topic) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return mixed(mixed(mixed(hash ^ s.count) ^ s.publisher.high) ^ s.publisher.low);
}

}  // namespace

expected<void> retained_table::may_add(std::string_view topic, std::size_t bytes) const {
  const auto* now = find(topic);
  if (now == nullptr && live_ >= retained_topics_max)
    return fail(errc::unavailable, std::to_string(retained_topics_max) + " topics have a retained value");
  if (bytes_ - (now == nullptr ? 0 : now->content->size()) + bytes > retained_bytes_max)
    return fail(errc::unavailable, "the retained values have " + std::to_string(retained_bytes_max) + " bytes");
  return {};
}

bool retained_table::put(std::string_view topic, retained_value v) {
  const auto at = rows_.find(topic);
  if (at != rows_.end() && at->second.stamp >= v.stamp) return false;
  const auto* now = find(topic);
  const auto bytes = bytes_ - (now == nullptr ? 0 : now->content->size()) + (v.content ? v.content->size() : 0);
  if (v.content && ((now == nullptr && live_ >= retained_excess * retained_topics_max) ||
                    bytes > retained_excess * retained_bytes_max)) {
    ++refused_;
    return false;
  }
  if (at == rows_.end()) {
    const auto added = rows_.emplace(std::string(topic), std::move(v)).first;
    account(added->first, added->second, true);
  } else {
    account(at->first, at->second, false);
    at->second = std::move(v);
    account(at->first, at->second, true);
  }
  if (gone_.size() > retained_gone_max) forget_gone();
  return true;
}

void retained_table::account(const std::string& topic, const retained_value& v, bool more) {
  if (!v.content) {
    more ? void(gone_.insert_or_assign(v.stamp, topic)) : void(gone_.erase(v.stamp));
    return;
  }
  live_ += more ? 1 : std::size_t(-1);
  bytes_ += more ? v.content->size() : std::size_t(0) - v.content->size();
  sum_ ^= sum_of(topic, v.stamp);
}

void retained_table::forget_gone() {
  const auto oldest = gone_.begin();
  rows_.erase(oldest->second);
  gone_.erase(oldest);
}

const retained_value* retained_table::find(std::string_view topic) const {
  const auto at = rows_.find(topic);
  return at == rows_.end() || !at->second.content ? nullptr : &at->second;
}

// ---- repair ----

retained_message retained_table::question() const {
  retained_message m;
  m.asks = true;
  m.sum = sum_;
  return m;
}

void retained_table::list(retained_message& out) const {
  out.whole = true;
  out.known.reserve(live_);
  for (const auto& [topic, v] : rows_) {
    if (v.content && out.known.size() < retained_rows_max) out.known.push_back({topic, v.stamp});
  }
}

// False when it has no room.
bool retained_table::add(retained_message& to, const std::string& topic, const retained_value& v, std::size_t& bytes) {
  const auto size = sizeof(retained_row) + topic.size() + (v.content ? v.content->size() : 0);
  if (!to.values.empty() && (bytes + size > retained_packet_bytes_max || to.values.size() >= retained_rows_max / 2)) {
    to.more = true;
    return false;
  }
  bytes += size;
  to.values.push_back({topic, v});
  return true;
}

std::optional<retained_message> retained_table::on_message(const retained_message& m,
                                                           std::vector<retained_row>& stored) {
  retained_message out;
  bool news = false;
  std::size_t bytes = 0;
  for (const auto& row : m.values) {
    if (put(row.topic, row.value)) {
      stored.push_back(row);
      news = true;
    } else if (const auto at = rows_.find(row.topic); at != rows_.end() && at->second.stamp > row.value.stamp) {
      (void)add(out, row.topic, at->second, bytes);  // it does not know that this is no more, or newer
    }
  }
  if (m.asks && m.sum != sum_) list(out);
  if (m.whole) compare(m, out);
  if (!m.wanted.empty()) add_wanted(m, out);
  if (m.more && news) {
    out.asks = true;
    out.sum = sum_;
  }
  if (out.empty()) return std::nullopt;
  return out;
}

void retained_table::compare(const retained_message& m, retained_message& out) const {
  std::set<std::string_view> theirs;
  std::size_t bytes = 0;
  bool room = true;
  for (const auto& k : m.known) {
    theirs.insert(k.topic);
    const auto at = rows_.find(k.topic);
    if (at == rows_.end() || at->second.stamp < k.stamp) {
      if (out.wanted.size() < retained_rows_max / 2) out.wanted.push_back(k.topic);
    } else if (at->second.stamp > k.stamp && room) {
      room = add(out, k.topic, at->second, bytes);
    }
  }
  for (const auto& [topic, v] : rows_) {
    if (!room) return;
    if (v.content && !theirs.contains(topic)) room = add(out, topic, v, bytes);
  }
}

void retained_table::add_wanted(const retained_message& m, retained_message& out) const {
  std::size_t bytes = 0;
  for (const auto& topic : m.wanted) {
    const auto at = rows_.find(topic);
    if (at != rows_.end() && !add(out, topic, at->second, bytes)) return;
  }
}

}  // namespace troupe
