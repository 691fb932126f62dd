// A look at a serialised protobuf message before it is parsed: an empty element of a repeated field takes
// two bytes on the wire and a hundred in memory, so elements are counted before any is made.
#pragma once

#include <cstddef>
#include <string_view>

namespace troupe {

/// False when `bytes` has more than `fields_max` fields at its top level, is no well-formed sequence of
/// fields, or is longer than protobuf takes (2 GiB). Allocates nothing.
[[nodiscard]] bool has_at_most_fields(std::string_view bytes, std::size_t fields_max);

}  // namespace troupe
