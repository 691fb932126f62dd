// What a node must not forget: its voter id, the highest term it promised and to whom, and the highest
// record it accepted. One small file, always written whole; the shell writes it beside the old one,
// syncs and renames. A file that fails its checksum is refused: guessing here would vote twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <troupe/error.hpp>

#include "runtime/election/record.hpp"

namespace troupe {

struct vote_file {
  voter_id voter;
  std::uint64_t promised = 0;
  member_ref holder;       // to whom `promised` was granted; empty when learned from a record
  record_ptr accepted;     // null: no record yet; its term is never above `promised`
  bool committed = false;  // `accepted` is known to be committed
  bool founding = false;   // `accepted` is a founding not yet known to be complete
  voter_id founder;        // who proposed that founding
};

[[nodiscard]] std::string encode(const vote_file& file);
/// errc::corrupt for anything but what encode wrote.
[[nodiscard]] expected<vote_file> decode_vote_file(std::string_view bytes);

/// The file of a node that starts: what `bytes` holds, or a new one under `fresh` when it is empty.
[[nodiscard]] expected<vote_file> open_vote_file(std::string_view bytes, const voter_id& fresh);

}  // namespace troupe
