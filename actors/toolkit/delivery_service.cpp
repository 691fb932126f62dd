#include "actors/toolkit/delivery_service.hpp"

#include <utility>

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

namespace troupe {

namespace {

constexpr const char* key_prefix = "troupe.delivery.";

std::vector<caf::actor> handles_of(const listing& all) {
  std::vector<caf::actor> handles;
  for (const auto& r : all) handles.push_back(r.actor);
  return handles;
}

expected<delivery_limits> limits_of(const delivery_options& o) {
  const bool sound = o.message_bytes_max >= 1 && o.message_bytes_max <= delivery_message_bytes_max &&
                     o.waiting_max >= 1 && o.waiting_max <= delivery_waiting_max && o.piece_bytes >= 1 &&
                     o.piece_bytes <= delivery_piece_bytes_max && o.window_bytes >= 1 &&
                     o.retry_first > duration::zero() && o.retry_most >= o.retry_first;
  if (!sound) return fail(errc::invalid_argument, "options of a delivery that are out of range");
  delivery_limits l;
  l.message_bytes_max = o.message_bytes_max;
  l.waiting_max = o.waiting_max;
  l.waiting_bytes_max = o.waiting_bytes_max;
  l.window_bytes = o.window_bytes;
  l.piece_bytes = o.piece_bytes;
  l.retry_first = o.retry_first;
  l.retry_most = o.retry_most;
  return l;
}

expected<void> check_name(const std::string& name) {
  if (!name.empty() && name.size() <= deliveries::name_bytes_max) return {};
  return fail(errc::invalid_argument,
              "a delivery has a name of 1 to " + std::to_string(deliveries::name_bytes_max) + " bytes");
}

}  // namespace

// Other processes never have the same: it holds the node's incarnation.
incarnation_id delivery_service::next_id() {
  random draw(seed_ + ++endpoints_);
  return {self_.high ^ draw.next(), self_.low ^ draw.next()};
}

expected<caf::actor> delivery_service::sender(const std::string& name, const delivery_options& o) {
  if (auto good = check_name(name); !good) return tl::unexpected<error>(good.error());
  auto limits = limits_of(o);
  if (!limits) return tl::unexpected<error>(limits.error());
  const auto key = key_prefix + name;
  delivery_sender_actor::setup s;
  s.id = next_id();
  s.limits = *limits;
  s.seed = s.id.low;
  s.receivers = [weak = std::weak_ptr(registry_), key]() -> std::vector<caf::actor> {
    const auto r = weak.lock();
    return r ? handles_of(r->find(key, where::all())) : std::vector<caf::actor>{};
  };
  s.numbers = numbers_;
  const auto actor = caf::actor(system_.spawn<delivery_sender_actor>(std::move(s)));
  const auto weakly = caf::actor_cast<caf::weak_actor_ptr>(actor);
  const auto watch = std::make_shared<registry_subscription>(registry_->subscribe(key, [weakly](const listing& now) {
    if (const auto to = weakly.lock()) caf::anon_send(caf::actor_cast<caf::actor>(to), delivery_route{handles_of(now)});
  }));
  actor->attach_functor([watch] { watch->end(); });
  return actor;
}

expected<caf::actor> delivery_service::receiver(const std::string& name, const caf::actor& target) {
  if (auto good = check_name(name); !good) return tl::unexpected<error>(good.error());
  const auto handle = caf::actor_cast<caf::strong_actor_ptr>(target);
  if (!handle || handle->nid) return fail(errc::invalid_argument, "messages are delivered to an actor of this node");
  const auto actor =
      caf::actor(system_.spawn<delivery_receiver_actor>(delivery_receiver_actor::setup{next_id(), target, numbers_}));
  if (auto shown = registry_->add(key_prefix + name, actor); !shown) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    return tl::unexpected<error>(shown.error());
  }
  return actor;
}

void delivery_service::register_metrics(metrics& m) {
  const auto count = [&](const char* name, const char* help, std::atomic<std::uint64_t> delivery_numbers::*which) {
    m.read_counter(name, help, {}, [n = numbers_, which] { return static_cast<double>(((*n).*which).load()); });
  };
  count("troupe_delivery_taken_total", "Messages taken by senders of this node", &delivery_numbers::taken);
  count("troupe_delivery_refused_total", "Messages not taken: too many waited, or they cannot travel",
        &delivery_numbers::refused);
  count("troupe_delivery_handled_total", "Messages of this node's senders that were handled",
        &delivery_numbers::handled);
  count("troupe_delivery_sent_again_total", "Pieces sent more than once", &delivery_numbers::again);
  count("troupe_delivery_sessions_total", "Times that a sender met a receiver that knew nothing of it",
        &delivery_numbers::sessions);
  count("troupe_delivery_received_total", "Messages handed over by receivers of this node",
        &delivery_numbers::received);
  count("troupe_delivery_repeated_total", "Pieces that had come before", &delivery_numbers::repeated);
  count("troupe_delivery_failed_total", "Messages that were answered with an error", &delivery_numbers::failed);
  count("troupe_delivery_unreadable_total", "Messages of types that are not registered here, dropped",
        &delivery_numbers::unreadable);
  count("troupe_delivery_malformed_total", "Frames that could not be read", &delivery_numbers::malformed);
  m.read_gauge("troupe_delivery_waiting_count", "Messages taken and not yet handled", {},
               [n = numbers_] { return static_cast<double>(n->waiting.load()); });
}

}  // namespace troupe
