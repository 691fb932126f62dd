#include "actors/toolkit/subscriber_mailbox.hpp"

#include <utility>

#include <caf/actor_cast.hpp>
#include <caf/mailbox_element.hpp>

#include "actors/link/content_bytes.hpp"

namespace troupe {

namespace {

queue_limits limits_of(const subscribe_options& o) {
  queue_limits l;
  l.items_max = o.waiting_max;
  l.bytes_max = o.waiting_bytes_max;
  l.window = subscriber_mailbox::window;
  switch (o.overflow) {
    case topic_overflow::drop_oldest: l.rule = queue_rule::drop_oldest; break;
    case topic_overflow::drop_newest: l.rule = queue_rule::drop_newest; break;
    case topic_overflow::unsubscribe: l.rule = queue_rule::end; break;
  }
  return l;
}

caf::mailbox_element_ptr plain(caf::message m) {
  return caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, std::move(m));
}

}  // namespace

/// A message that says when it is over: handled, or dropped with its actor.
class subscriber_mailbox::element final : public caf::mailbox_element {
 public:
  element(caf::mailbox_element_ptr inner, std::weak_ptr<subscriber_mailbox> from, std::size_t bytes)
      : caf::mailbox_element(nullptr, inner->mid, {}),
        inner_(std::move(inner)),
        from_(std::move(from)),
        bytes_(bytes) {}
  ~element() override {
    inner_.reset();
    if (const auto m = from_.lock()) m->on_handled(bytes_);
  }

  caf::type_erased_tuple& content() override { return inner_->content(); }
  const caf::type_erased_tuple& content() const override { return std::as_const(*inner_).content(); }
  caf::message move_content_to_message() override { return inner_->move_content_to_message(); }
  caf::message copy_content_to_message() const override { return inner_->copy_content_to_message(); }

 private:
  caf::mailbox_element_ptr inner_;
  const std::weak_ptr<subscriber_mailbox> from_;
  const std::size_t bytes_;
};

expected<caf::message> topic_item::read(caf::actor_system& system) {
  const std::lock_guard lock(mutex_);
  if (!read_) read_ = content_of(*bytes_, system);
  return *read_;
}

subscriber_mailbox::subscriber_mailbox(caf::actor subscriber, std::string topic, const subscribe_options& o,
                                       std::shared_ptr<subscriber_numbers> numbers)
    : subscriber_(std::move(subscriber)),
      topic_(std::move(topic)),
      tell_gaps_(o.tell_gaps),
      numbers_(std::move(numbers)),
      queue_(limits_of(o)) {}

bool subscriber_mailbox::offer(std::shared_ptr<topic_item> item, bool late) {
  const std::lock_guard lock(mutex_);
  if (ended_) return true;
  const auto bytes = item->size();
  switch (queue_.offer({std::move(item), late}, bytes)) {
    case queue::answer::taken: break;
    case queue::answer::dropped: ++numbers_->dropped; break;
    case queue::answer::ended: ++numbers_->ended; return false;
  }
  return true;
}

void subscriber_mailbox::miss(const queue_gap& g) {
  const std::lock_guard lock(mutex_);
  queue_.miss(g);
}

void subscriber_mailbox::pump() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(pumping_, true)) return;
  }
  for (;;) {
    std::optional<queue::next> n;
    {
      const std::lock_guard lock(mutex_);
      if (!ended_) n = queue_.take();
      if (!n) {
        pumping_ = false;
        return;
      }
    }
    give(std::move(*n));
  }
}

void subscriber_mailbox::give(queue::next n) {
  const auto gap = n.gap.value_or(queue_gap{});
  if (!n.item) return tell_gap(gap, false);
  const auto bytes = n.item->item->size();
  auto content = n.item->item->read(subscriber_->home_system());
  const bool late = n.item->late && content;
  if (n.gap || late) tell_gap(gap, late);
  if (!content) {
    ++numbers_->unreadable;
    tell_gap({1, true}, false);
    const std::lock_guard lock(mutex_);
    return queue_.on_handled(bytes);
  }
  caf::mailbox_element_ptr e(new element(plain(std::move(*content)), weak_from_this(), bytes));
  subscriber_->enqueue(std::move(e), nullptr);
}

void subscriber_mailbox::tell_gap(const queue_gap& g, bool late) {
  if (tell_gaps_) tell(caf::make_message(topic_gap{topic_, g.missed, g.exact, late}));
}

void subscriber_mailbox::tell(caf::message m) { subscriber_->enqueue(plain(std::move(m)), nullptr); }

// On the subscriber's thread.
void subscriber_mailbox::on_handled(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    queue_.on_handled(bytes);
  }
  pump();
}

void subscriber_mailbox::end(std::optional<error> why) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(ended_, true)) return;
  }
  if (why) tell(caf::make_message(topic_end{topic_, std::move(*why)}));
}

}  // namespace troupe
