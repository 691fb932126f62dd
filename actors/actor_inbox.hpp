// An inbox with the actor that empties it: the way in for threads that are not actors. Survives a restart of the
// actor, which asks for what came while nobody listened. The actor takes what came on an I/O thread.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <caf/message.hpp>

#include "actors/atoms.hpp"
#include "actors/inbox.hpp"
#include "actors/loop_unit.hpp"
#include "actors/supervision/supervisor_actor.hpp"

namespace troupe {

template <class Item>
class actor_inbox {
 public:
  /// `loop` runs as long as the actor lives, or longer.
  actor_inbox(std::size_t items_max, std::shared_ptr<child_slot> actor, boost::asio::io_context& loop)
      : items_(items_max), actor_(std::move(actor)), unit_(loop) {}

  /// False when the inbox is full: the item is dropped, as a packet may be.
  bool push(Item item) {
    const auto result = items_.push(std::move(item));
    if (result == inbox<Item>::push_result::queued_first) {
      if (const auto actor = actor_->get()) unit_.send(actor, caf::make_message(wake_atom::value));
    }
    return result != inbox<Item>::push_result::full;
  }
  [[nodiscard]] std::vector<Item> take() { return items_.take(); }

 private:
  inbox<Item> items_;
  std::shared_ptr<child_slot> actor_;
  loop_unit unit_;
};

}  // namespace troupe
