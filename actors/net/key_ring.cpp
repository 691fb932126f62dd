#include "actors/net/key_ring.hpp"

#include <algorithm>
#include <charconv>

namespace troupe {

namespace {

constexpr std::string_view first_line = "troupe keyring 1";
constexpr std::string_view edition_word = "edition ";
constexpr std::string_view made_from_word = "made-from ";
constexpr std::string_view key_word = "key ";

}  // namespace

key_ring::key_ring(const ring_key& only) : keys_{only}, fingerprints_{fingerprint_of(only)} {}

std::size_t key_ring::find(std::string_view fingerprint) const noexcept {
  return static_cast<std::size_t>(std::find(fingerprints_.begin(), fingerprints_.end(), fingerprint) -
                                  fingerprints_.begin());
}

bool key_ring::holds(std::string_view fingerprint) const noexcept { return find(fingerprint) < keys_.size(); }

expected<void> key_ring::install(const ring_key& k) {
  auto print = fingerprint_of(k);
  if (holds(print)) return {};
  if (keys_.size() >= keys_max) {
    return fail(errc::too_large, "the ring holds " + std::to_string(keys_max) + " keys: remove one first");
  }
  keys_.push_back(k);
  fingerprints_.push_back(std::move(print));
  return {};
}

expected<void> key_ring::use(std::string_view fingerprint) {
  const auto at = static_cast<std::ptrdiff_t>(find(fingerprint));
  if (!holds(fingerprint)) return fail(errc::not_found, "the ring does not hold this key: install it first");
  std::rotate(keys_.begin(), keys_.begin() + at, keys_.begin() + at + 1);
  std::rotate(fingerprints_.begin(), fingerprints_.begin() + at, fingerprints_.begin() + at + 1);
  return {};
}

expected<void> key_ring::remove(std::string_view fingerprint) {
  const auto at = static_cast<std::ptrdiff_t>(find(fingerprint));
  if (!holds(fingerprint)) return {};
  if (at == 0) return fail(errc::condition_failed, "this key is the primary: use another one first");
  keys_.erase(keys_.begin() + at);
  fingerprints_.erase(fingerprints_.begin() + at);
  return {};
}

std::string key_ring::encode() const {
  std::string text(first_line);
  text.append("\n").append(edition_word).append(std::to_string(edition_)).append("\n");
  if (!made_from.empty()) text.append(made_from_word).append(made_from).append("\n");
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    text.append(key_word).append(fingerprints_[i]).append(" ").append(to_base64(keys_[i])).append("\n");
  }
  return text;
}

expected<key_ring> key_ring::decode(std::string_view text) {
  key_ring ring;
  if (text.size() > text_bytes_max) return fail(errc::corrupt, "the key ring is too large");
  std::size_t number = 0;
  bool has_edition = false;
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const auto wrong = fail(errc::corrupt, "line " + std::to_string(number) + " of the key ring makes no sense");
    if (end == std::string_view::npos || (number == 1) != (line == first_line)) return wrong;
    if (number == 1) continue;
    if (line.starts_with(edition_word) && !has_edition) {
      line.remove_prefix(edition_word.size());
      const auto [rest, fault] = std::from_chars(line.data(), line.data() + line.size(), ring.edition_);
      if (fault != std::errc() || rest != line.data() + line.size()) return wrong;
      has_edition = true;
    } else if (line.starts_with(made_from_word) && ring.made_from.empty()) {
      line.remove_prefix(made_from_word.size());
      if (!is_fingerprint(line)) return wrong;
      ring.made_from = line;
    } else if (line.starts_with(key_word)) {
      line.remove_prefix(key_word.size());
      const auto print = line.substr(0, fingerprint_size);
      const auto key = parse_ring_key(line.substr(std::min(line.size(), fingerprint_size + 1)));
      if (!key || fingerprint_of(*key) != print || line[fingerprint_size] != ' ' || ring.holds(print)) return wrong;
      if (!ring.install(*key)) return wrong;
    } else {
      return wrong;
    }
  }
  if (ring.keys_.empty() || !has_edition) return fail(errc::corrupt, "the key ring has no key or no edition");
  return ring;
}

}  // namespace troupe
