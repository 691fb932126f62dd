// An inbox with the actor that empties it: the way in for threads that are not actors. Survives a restart of the
// actor, which asks for what came while nobody listened.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include <caf/send.hpp>

#include "actors/atoms.hpp"
#include "actors/inbox.hpp"
#include "actors/supervision/supervisor_actor.hpp"

namespace troupe {

template <class Item>
class actor_inbox {
 public:
  actor_inbox(std::size_t items_max, std::shared_ptr<child_slot> actor) : items_(items_max), actor_(std::move(actor)) {}

  /// False when the inbox is full: the item is dropped, as a packet may be.
  bool push(Item item) {
    const auto result = items_.push(std::move(item));
    if (result == inbox<Item>::push_result::queued_first) {
      if (const auto actor = actor_->get()) caf::anon_send(actor, wake_atom::value);
    }
    return result != inbox<Item>::push_result::full;
  }
  [[nodiscard]] std::vector<Item> take() { return items_.take(); }

 private:
  inbox<Item> items_;
  std::shared_ptr<child_slot> actor_;
};

}  // namespace troupe
