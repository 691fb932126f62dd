// What an activation of a grain is given by its node, and what its node keeps of it.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include <caf/actor_control_block.hpp>

#include <troupe/cache.hpp>
#include <troupe/caf_grains.hpp>

#include "runtime/cache/command.hpp"
#include "runtime/grains/grain_shard.hpp"

namespace troupe {

class grain_service;

struct grain_type {
  grains::maker make;
  grain_options options;
  std::optional<cache> states;
  std::optional<cache> reminders;
  cache_id reminders_id = 0;
};

class grain_seat final : public grain_activation {
 public:
  std::shared_ptr<grain_service> service;
  std::shared_ptr<const grain_type> kind;
  std::string type;
  std::string id;
  std::string key;
  std::uint32_t shard = 0;
  std::uint64_t number = 0;  // of the shard's activations
  std::uint64_t tenure = 0;
  stamp token;
  caf::strong_actor_ptr
      actor;  // constant once the first message is delivered; the actor lets go of its seat at its end
  std::atomic<bool> rests{false};
};

}  // namespace troupe
