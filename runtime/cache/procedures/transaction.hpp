// Several procedures at one moment, as MULTI and EXEC ask for: done together under the shard's lock, sent to copies as
// one write. The reply is an array of theirs, or a null array when a watched key has another version by now.
//
// Words: how many keys are watched; each with its version (0: it was not there); then each procedure's number and its
// packed words. A door makes sure that all keys are in one slot.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/cache/procedures/procedure.hpp"
#include "runtime/cache/procedures/words.hpp"

namespace troupe {

/// Procedures of one transaction.
inline constexpr std::size_t transaction_steps_max = 16'384;

class transaction_words {
 public:
  void watch(std::string_view key, std::uint64_t version) {
    pack_word(watched_, key);
    pack_number(watched_, version);
    ++watches_;
  }
  void add(procedure p, std::string_view packed) {
    pack_number(steps_, static_cast<std::uint64_t>(p));
    pack_word(steps_, packed);
  }
  /// The value of the run.
  [[nodiscard]] std::string packed() const {
    std::string all;
    pack_number(all, watches_);
    return all + watched_ + steps_;
  }

 private:
  std::string watched_;
  std::string steps_;
  std::uint64_t watches_ = 0;
};

}  // namespace troupe
