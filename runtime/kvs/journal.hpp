// The bytes of a member's file: batches of changes, one after the other, each with a mark, a length and a checksum.
//
// A batch is written and flushed before the next one is begun, so only the last can be torn by a crash: it was
// never answered and is dropped. A damaged batch with a sound one behind it is damage, and refused: a member that
// guesses would break what it promised.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/error.hpp>

#include "runtime/kvs/cell.hpp"
#include "runtime/kvs/roster.hpp"

namespace troupe {

struct kvs_batch {
  std::optional<kvs_meta> meta;
  std::vector<std::pair<std::string, std::optional<kvs_cell>>> cells;  // none: dropped
};

/// What is in the file.
struct kvs_image {
  kvs_meta meta;
  std::map<std::string, kvs_cell> cells;
  bool torn = false;  // the last batch was incomplete
};

/// One framed batch.
[[nodiscard]] std::string encode(const kvs_batch& batch);

/// errc::corrupt as told above, or when a sound batch is out of bounds. No bytes: an empty image.
[[nodiscard]] expected<kvs_image> read_kvs_journal(std::string_view bytes);

}  // namespace troupe
