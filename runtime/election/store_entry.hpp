// A leader store's entry as bytes, for stores that hold bytes: all but version and `released`, which a
// renewal changes alone and a store therefore keeps beside them.
//
//   "troupe-leader 1 <term> <leader id> <lease ms> <floor open 0|1> <crc32c> <address> <name>\n" and the record
//
// The head is text so that a person who looks into the store sees who leads.
#pragma once

#include <string>
#include <string_view>

#include <troupe/error.hpp>
#include <troupe/leader_store.hpp>

namespace troupe {

/// errc::too_large beyond leader_entry_bytes_max.
[[nodiscard]] expected<std::string> encode_store_value(const leader_entry& entry);
/// errc::corrupt for anything but what encode_store_value wrote.
[[nodiscard]] expected<leader_entry> decode_store_value(std::string_view bytes);

/// Where the entry of a cluster is.
[[nodiscard]] std::string store_key_of(std::string_view cluster_name);

}  // namespace troupe
