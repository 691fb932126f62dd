// MULTI as a connection keeps it: the commands that wait for EXEC, and the keys that are watched with the versions they
// had. All keys of both lie in one slot, so that EXEC is one moment at one primary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cache/procedures/procedure.hpp"

namespace troupe::resp {

struct command_row;

struct queued_command {
  const command_row* row = nullptr;
  std::optional<procedure> does;  // none: the door runs it
  std::vector<std::string> words;
};

struct transaction_state {
  std::vector<queued_command> queue;
  std::size_t bytes = 0;
  bool spoiled = false;  // a command was refused while queueing: EXEC does nothing
  std::optional<std::uint32_t> queued_slot;
  std::string key;  // some key of the slot

  struct watch {
    std::string key;
    std::uint64_t version = 0;  // 0: it was not there
  };
  std::vector<watch> watched;
  std::optional<std::uint32_t> watched_slot;

  void forget_queue() {
    queue.clear();
    bytes = 0;
    spoiled = false;
    queued_slot.reset();
    key.clear();
  }
  void forget_watches() {
    watched.clear();
    watched_slot.reset();
  }
};

}  // namespace troupe::resp
