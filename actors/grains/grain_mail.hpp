// Messages of grains as CAF sees them: what a node delivers to an activation, and the nudge that has one look around.
#pragma once

#include <memory>
#include <utility>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/type_erased_tuple.hpp>

#include "actors/grains/grain_seat.hpp"

namespace troupe {

/// A message that came by the grain's name: it counts as waiting until it is gone, and can be sent on.
class grain_letter final : public caf::mailbox_element {
 public:
  grain_letter(caf::mailbox_element_ptr inner, std::shared_ptr<grain_seat> seat, std::uint32_t hops)
      : caf::mailbox_element(caf::strong_actor_ptr(inner->sender), inner->mid, std::move(inner->stages)),
        inner_(std::move(inner)),
        seat_(std::move(seat)),
        hops_(hops) {}
  ~grain_letter() override { seat_->waiting.fetch_sub(1, std::memory_order_release); }

  caf::type_erased_tuple& content() override { return inner_->content(); }
  const caf::type_erased_tuple& content() const override { return std::as_const(*inner_).content(); }
  caf::message move_content_to_message() override { return inner_->move_content_to_message(); }
  caf::message copy_content_to_message() const override { return inner_->copy_content_to_message(); }
  [[nodiscard]] std::uint32_t hops() const noexcept { return hops_; }

 private:
  caf::mailbox_element_ptr inner_;
  const std::shared_ptr<grain_seat> seat_;
  const std::uint32_t hops_;
};

/// From this node only: its type is not registered.
struct grain_nudge {};

/// The same, as a request: a remembered grain is to be awake.
struct grain_wake {};

/// What is for grains of this node only, whoever holds their shard: it is refused rather than sent on.
[[nodiscard]] inline bool stays_here(const caf::type_erased_tuple& content) {
  return content.size() == 1 && (content.match_element<reminder_fired>(0) || content.match_element<grain_wake>(0));
}

}  // namespace troupe

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::grain_wake)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::grain_nudge)
