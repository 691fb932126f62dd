// Reminders of grains (caf_grains.hpp): a name, a time and a few bytes that outlive the grain's activation and its
// node.
//
//   self->remind("close", 2h);                                    // or with a period, and a payload
//   [=](const troupe::reminder_fired& r) { if (r.name == "close") close(); }
//
// Times are of the wall clock, in milliseconds, as the node that holds the grain's shard has it. docs/ACTORS.md says
// what is promised; a timer that need not outlive its actor is CAF's delayed_send.
#pragma once

#include <cstdint>
#include <string>

#include <troupe/time.hpp>

namespace troupe {

inline constexpr std::size_t reminder_name_bytes_max = 64;       // of a-z, 0-9, '_', '-', '.'
inline constexpr std::size_t reminder_payload_bytes_max = 1024;  //
inline constexpr std::size_t reminders_of_grain_max = 64;        //
inline constexpr duration reminder_period_min = std::chrono::milliseconds(100);

struct reminder {
  std::string name;
  wall_time due{};        // in the past: at once
  duration period{};      // zero: once; otherwise whole milliseconds
  std::string payload{};  // comes back with it
};

/// What the grain is sent. Fired is what its handler returns from without an error (or answers, with a promise); after
/// anything else it comes again.
struct reminder_fired {
  std::string name;
  wall_time due{};
  std::uint64_t missed = 0;   // ticks of its period after `due` that came to nobody, and that this one stands for
  std::string payload{};      //
  std::uint64_t version = 0;  // of what was set; 0 in one that a test made up
};

}  // namespace troupe
