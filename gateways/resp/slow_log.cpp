#include "gateways/resp/slow_log.hpp"

#include <algorithm>
#include <utility>

namespace troupe::resp {

std::vector<std::string> slow_log::shorten(const arguments& words) {
  const std::size_t kept = std::min(words.size(), words_max);
  std::vector<std::string> shown;
  shown.reserve(kept);
  for (std::size_t i = 0; i < kept; ++i) {
    if (i + 1 == words_max && words.size() > words_max) {
      shown.push_back("... (" + std::to_string(words.size() - words_max + 1) + " more arguments)");
    } else if (words[i].size() > word_max) {
      shown.push_back(std::string(words[i].substr(0, word_max)) + "... (" + std::to_string(words[i].size() - word_max) +
                      " more bytes)");
    } else {
      shown.emplace_back(words[i]);
    }
  }
  return shown;
}

void slow_log::add(slow_command entry, std::size_t length_max) {
  const std::lock_guard lock(mutex_);
  entry.id = next_id_++;
  entries_.push_front(std::move(entry));
  while (entries_.size() > length_max) entries_.pop_back();
}

std::vector<slow_command> slow_log::newest(std::size_t count) const {
  const std::lock_guard lock(mutex_);
  const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(std::min(count, entries_.size()));
  return {entries_.begin(), end};
}

std::size_t slow_log::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void slow_log::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
}

void slow_log::cut(std::size_t length_max) {
  const std::lock_guard lock(mutex_);
  while (entries_.size() > length_max) entries_.pop_back();
}

}  // namespace troupe::resp
