// The reply of a command that is split into a request for each key, of which only some are under way at a time: the
// next is asked when one is answered. Answers come in any order.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "gateways/resp/connection.hpp"

namespace troupe::resp {

class parts_in_turn : public compound_reply {
 public:
  static constexpr std::size_t open_max = 256;

  /// Begins; the reply comes by itself. `parts` are left.
  static void run(connection& c, std::unique_ptr<parts_in_turn> reply, std::size_t parts) {
    if (parts > open_max) c.hold();  // later commands on the same keys must not overtake those not asked yet
    auto& begun = *reply;
    begun.left_ = parts;
    const auto slot = c.open_slot(std::move(reply));
    if (begun.go(c, slot)) c.finish(slot);
  }

  bool on_answer(connection& c, std::uint64_t slot, owned_reply answer) final {
    take(std::move(answer));
    --open_;
    return !going_ && go(c, slot);
  }

 protected:
  /// Submits the next part for `slot`.
  virtual void ask(connection& c, std::uint64_t slot) = 0;
  virtual void take(owned_reply answer) = 0;

 private:
  // An answer may come from inside ask(): then this loop goes on.
  bool go(connection& c, std::uint64_t slot) {
    going_ = true;
    while (open_ < open_max && left_ > 0) {
      ++open_;
      --left_;
      ask(c, slot);
    }
    going_ = false;
    return open_ == 0;
  }

  std::size_t left_ = 0;
  std::size_t open_ = 0;
  bool going_ = false;
};

}  // namespace troupe::resp
