// How one entry of a shard store lies in memory, private to the store: this header, the key, the
// value (of an object the pointer to it) and, if it expires, the time of that, in one allocation. The allocation is as
// large as its footprint allows, so that a value may grow in place into what rounding left over.
#pragma once

#include <cstring>

#include "runtime/cache/expiry_wheel.hpp"
#include "runtime/cache/shard_store.hpp"

namespace troupe {

// A slot: the entry's address in the low 48 bits, 16 bits of its hash above. User space addresses
// have 47 or 48 bits on every 64-bit Linux unless a program asks for more by an mmap hint.
inline constexpr unsigned address_bits = 48;
inline constexpr std::uint64_t address_mask = (std::uint64_t{1} << address_bits) - 1;

struct shard_store::entry {
  std::uint64_t version;
  std::uint32_t position;  // top 32 bits of the hash: see scan_order
  std::uint32_t value_size;
  std::uint32_t used;  // see eviction.hpp
  std::uint32_t cache : 12;
  std::uint32_t key_size : 17;
  std::uint32_t has_expiry : 1;
  std::uint32_t is_object : 1;  // the value is a pointer to a value_object, which the entry owns

  [[nodiscard]] char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* bytes() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  [[nodiscard]] std::string_view key() const noexcept { return {bytes(), key_size}; }
  [[nodiscard]] std::string_view value() const noexcept { return {bytes() + key_size, value_size}; }

  [[nodiscard]] value_object* object() const noexcept {
    if (is_object == 0) return nullptr;
    value_object* o;
    std::memcpy(&o, bytes() + key_size, sizeof o);
    return o;
  }

  [[nodiscard]] time_point expiry() const noexcept {
    if (has_expiry == 0) return never;
    duration::rep since;
    std::memcpy(&since, life(), sizeof since);
    return time_point(duration(since));
  }
  /// Where the expiry wheel refers to it.
  [[nodiscard]] expiry_wheel::bucket bucket() const noexcept {
    expiry_wheel::bucket b = expiry_wheel::no_bucket;
    if (has_expiry != 0) std::memcpy(&b, life() + sizeof(duration::rep), sizeof b);
    return b;
  }
  // Both only of an entry that has an expiry.
  void set_expiry(time_point at) noexcept {
    const auto since = at.time_since_epoch().count();
    std::memcpy(life(), &since, sizeof since);
  }
  void set_bucket(expiry_wheel::bucket b) noexcept { std::memcpy(life() + sizeof(duration::rep), &b, sizeof b); }
  [[nodiscard]] bool is_expired(time_point now) const noexcept { return has_expiry != 0 && expiry() <= now; }

  [[nodiscard]] static std::uint64_t size_of(const key_ref& k, const content& c) noexcept {
    return sizeof(entry) + k.key.size() + c.value.size() + (c.expiry == never ? 0 : life_bytes);
  }
  [[nodiscard]] std::uint64_t footprint() const noexcept {
    const std::uint64_t size = sizeof(entry) + key_size + value_size + (has_expiry != 0 ? life_bytes : 0);
    return footprint_of(size);
  }

  static constexpr std::size_t life_bytes = sizeof(duration::rep) + sizeof(expiry_wheel::bucket);

 private:
  [[nodiscard]] char* life() noexcept { return bytes() + key_size + value_size; }
  [[nodiscard]] const char* life() const noexcept { return bytes() + key_size + value_size; }
};

}  // namespace troupe
