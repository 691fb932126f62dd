// Where an entry lies in an open-addressing table, and in which order a scan meets it: two orders, apart from each
// other.
//
// A scan must meet every entry that is there from its start to its end, whatever is written meanwhile and however often
// the table grows and shrinks. So it goes by the entries' `turn`, 32 bits of their hash from the top down. If a table
// were ordered so too, what is left of one that is emptied in the order of a scan (SCAN and DEL, FLUSHALL) would lie in
// one piece of it, full to the brim, and a table filled in the order of another would have all of it at its front. So
// the home of an entry is taken from the same bits from the bottom up, as Redis' tables have it [Pieter Noordhuis'
// reverse binary iteration, dict.c]: entries that follow each other in a scan are spread over all of the table, and a
// part of the table is spread over all of a smaller one. Eight slots, one cache line of pointers, stay together.
#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe {

class scan_order {
 public:
  static constexpr unsigned block_bits = 3;
  static constexpr std::size_t block_slots = std::size_t{1} << block_bits;
  /// Turns are below.
  static constexpr std::uint64_t turns_end = std::uint64_t{1} << 32;

  /// `slots` is a power of two, block_slots at least and 2^31 at most.
  void resize(std::size_t slots) noexcept {
    block_mask_ = static_cast<std::uint32_t>(slots / block_slots - 1);
    bits_ = 0;
    while ((std::size_t{block_slots} << bits_) < slots) ++bits_;
  }

  /// The slot of an entry when nothing is in its way; `position` is 32 bits of its hash.
  [[nodiscard]] std::uint32_t home_of(std::uint32_t position) const noexcept {
    return ((position & block_mask_) << block_bits) | ((position >> bits_) & (block_slots - 1));
  }
  /// When a scan meets it.
  [[nodiscard]] static constexpr std::uint32_t turn_of(std::uint32_t position) noexcept {
    auto x = position;
    x = ((x >> 1) & 0x55555555u) | ((x & 0x55555555u) << 1);
    x = ((x >> 2) & 0x33333333u) | ((x & 0x33333333u) << 2);
    x = ((x >> 4) & 0x0f0f0f0fu) | ((x & 0x0f0f0f0fu) << 4);
    return __builtin_bswap32(x);
  }

  /// Entries whose turn is in [turn, end) have their homes in the block that begins at slot `first`.
  struct piece {
    std::uint32_t first;
    std::uint64_t end;
  };
  /// The piece that begins at `turn`: about as many homes as `slots` says, one at least, but not beyond the block.
  [[nodiscard]] piece piece_at(std::uint32_t turn, std::size_t slots) const noexcept {
    const unsigned shift = 32 - bits_ - block_bits;
    const std::uint64_t home = turn >> shift;
    const auto left = block_slots - (home & (block_slots - 1));
    const auto taken = slots < 1 ? 1 : slots < left ? slots : left;
    return {(turn_of(turn) & block_mask_) << block_bits, (home + taken) << shift};
  }

 private:
  std::uint32_t block_mask_ = 0;
  unsigned bits_ = 0;  // log2 of the number of blocks
};

}  // namespace troupe
