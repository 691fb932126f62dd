// What members and users of the key-value service say to each other. One flat value; the kind says which fields
// count. Who sent it is known from the link and never read from the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/error.hpp>
#include <troupe/time.hpp>

#include "runtime/kvs/cell.hpp"
#include "runtime/kvs/roster.hpp"

namespace troupe {

enum class kvs_kind : std::uint8_t {
  hello = 1,  // who the sender is and which roster it goes by; `asks`: answer with yours
  prepare,    // proposer to member: promise this ballot
  promise,    // granted with what was accepted, or not with the ballot in its way
  accept,     // proposer to member: take this value
  accepted,
  look,    // reader to member: what did you accept?
  looked,  //
  drop,    // all members hold this tombstone
  fetch,   // a page of cells behind `key`, for a member that was taken in again, or for a list
  page,
};

enum class kvs_refusal : std::uint8_t { none, promised, full };

struct kvs_message {
  kvs_kind kind = kvs_kind::hello;
  incarnation_id group;
  std::uint64_t epoch = 0;
  std::uint64_t round = 0;  // the asker's, comes back in the answer, as do ballot and proposer
  std::uint64_t ballot = 0;
  incarnation_id proposer;  // the asker's process
  std::string key;
  bool granted = false;
  kvs_refusal why = kvs_refusal::none;
  std::uint64_t promised = 0;  // what is in the way; page: the floor; promise, looked: the floor when there is no cell
  std::uint64_t accepted = 0;
  kvs_value value;
  duration ttl_left{};
  kvs_meta meta;               // hello
  bool runs = false;           // hello: the sender runs the service
  std::uint32_t expected = 0;  // hello: as it was configured
  bool asks = false;
  std::vector<std::pair<std::string, kvs_cell>> cells;  // page
  bool last = false;                                    // page: nothing comes behind
  bool keys_only = false;                               // fetch, page: without values, and only what is present
};

inline constexpr std::size_t kvs_page_bytes_max = 512U << 10U;  // beyond the first cell
inline constexpr std::size_t kvs_page_cells_max = 512;
inline constexpr std::size_t kvs_message_bytes_max = kvs_page_bytes_max + kvs_value_bytes_max + (256U << 10U);

[[nodiscard]] std::string_view name_of(kvs_kind kind) noexcept;

[[nodiscard]] std::string encode(const kvs_message& message);
/// errc::corrupt for anything out of bounds.
[[nodiscard]] expected<kvs_message> decode_kvs_message(std::string_view bytes);

}  // namespace troupe
