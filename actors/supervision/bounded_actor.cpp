#include <algorithm>
#include <utility>

#include <caf/mailbox_element.hpp>
#include <caf/system_messages.hpp>

#include <troupe/caf_mailbox.hpp>

#include "actors/clock.hpp"
#include "actors/messages/error.hpp"

namespace troupe {
namespace {

/// A message that counts for as long as it exists.
class counted_element final : public caf::mailbox_element {
 public:
  counted_element(caf::mailbox_element_ptr inner, std::shared_ptr<mailbox_numbers> numbers)
      : caf::mailbox_element(std::move(inner->sender), inner->mid, std::move(inner->stages)),
        inner_(std::move(inner)),
        numbers_(std::move(numbers)) {}
  ~counted_element() override { numbers_->queued.fetch_sub(1, std::memory_order_relaxed); }

  caf::type_erased_tuple& content() override { return inner_->content(); }
  const caf::type_erased_tuple& content() const override { return std::as_const(*inner_).content(); }
  caf::message move_content_to_message() override { return inner_->move_content_to_message(); }
  caf::message copy_content_to_message() const override { return inner_->copy_content_to_message(); }

 private:
  caf::mailbox_element_ptr inner_;
  std::shared_ptr<mailbox_numbers> numbers_;
};

bool is_always_taken(const caf::mailbox_element& m) {
  if (m.mid.is_response() || m.is_high_priority()) return true;
  const auto& c = m.content();
  return c.size() == 1 &&
         (c.match_element<caf::down_msg>(0) || c.match_element<caf::exit_msg>(0) || c.match_element<caf::error>(0));
}

}  // namespace

bounded_actor::bounded_actor(caf::actor_config& cfg, mailbox_limit limit)
    : bounded_actor(cfg, std::move(limit), [](caf::event_based_actor*) { return caf::behavior{}; }) {}

bounded_actor::bounded_actor(caf::actor_config& cfg, mailbox_limit limit, function f,
                             std::shared_ptr<mailbox_numbers> numbers)
    : caf::event_based_actor(cfg),
      limit_(std::move(limit)),
      function_(std::move(f)),
      numbers_(numbers ? std::move(numbers) : std::make_shared<mailbox_numbers>()),
      told_(numbers_->refused.load()) {}

bounded_actor::~bounded_actor() = default;

caf::behavior bounded_actor::make_behavior() { return function_(this); }

void bounded_actor::enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) {
  if (is_always_taken(*what)) return caf::event_based_actor::enqueue(std::move(what), host);
  if (numbers_->queued.fetch_add(1, std::memory_order_relaxed) < limit_.messages_max) {
    return caf::event_based_actor::enqueue(caf::mailbox_element_ptr(new counted_element(std::move(what), numbers_)),
                                           host);
  }
  numbers_->queued.fetch_sub(1, std::memory_order_relaxed);
  note_refused();
  if (!what->mid.is_request() || what->sender == nullptr) return;
  const auto full = to_caf({errc::unavailable, "its mailbox is full"});
  what->sender->enqueue(nullptr, what->mid.response_id(), caf::make_message(full), host);
}

void bounded_actor::note_refused() {
  const auto all = numbers_->refused.fetch_add(1, std::memory_order_relaxed) + 1;
  if (!limit_.on_refused) return;
  const auto time = clock_now().time_since_epoch().count();
  auto last = told_at_.load(std::memory_order_relaxed);
  if (last != 0 && time - last < limit_.tell_every.count()) return;
  if (!told_at_.compare_exchange_strong(last, time)) return;
  limit_.on_refused(all - std::min(all, told_.exchange(all)));
}

}  // namespace troupe
