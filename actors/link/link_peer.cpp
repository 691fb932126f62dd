#include "actors/link/link_peer.hpp"

#include <algorithm>

#include "actors/clock.hpp"
#include "runtime/link/wire_bytes.hpp"

namespace troupe {

namespace {

constexpr std::uint64_t lane_share = 256 * 1024;  // bytes of each lane in one write
constexpr std::uint32_t chunk_ids_of_a_peer = 1U << 16U;
constexpr std::uint64_t written_now_max = 16 * 1024;  // bytes that a sender writes itself

}  // namespace

link_peer::link_peer(link_host& host, link_target target, std::uint32_t its_number)
    : number(its_number),
      host_(host),
      target_(std::move(target)),
      queue_({.bytes_max = host.settings().queue_max, .message_max = host.settings().message_max},
             its_number * chunk_ids_of_a_peer + 1),
      requests_(host.settings().requests_max) {}

// Under the lock; what it gives is asked to write when the lock is open.
expected<link_peer::outlet_ptr> link_peer::push(frame_type type, std::string_view head, std::string_view body,
                                                bool reserved) {
  if (auto pushed = queue_.push(type, head, body, reserved); !pushed) {
    link_counters::add(host_.counters().queue_full);
    return tl::unexpected<error>(std::move(pushed.error()));
  }
  ++frames_;
  return wake(head.size() + body.size());
}

// Under the lock, with `bytes` more to write. Gives who is to write them at once, if anyone is.
link_peer::outlet_ptr link_peer::wake(std::uint64_t bytes) {
  if (!connection_) {
    if (!std::exchange(wanted_, true)) host_.want_connection(shared_from_this());
    return nullptr;
  }
  if (std::exchange(armed_, true)) return nullptr;
  const bool in_turn = spoke_alone_.exchange(false, std::memory_order_relaxed);
  if (in_turn && bytes <= written_now_max) return connection_;
  connection_->flush();
  return nullptr;
}

expected<void> link_peer::send(frame_type type, std::string_view head, std::string_view body, bool reserved) {
  std::shared_ptr<link_peer> successor;
  outlet_ptr writer;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == state::dead) return tl::unexpected<error>(why_);
    if (state_ == state::merged) {
      successor = successor_;
    } else {
      auto pushed = push(type, head, body, reserved);
      if (!pushed) return tl::unexpected<error>(std::move(pushed.error()));
      writer = std::move(*pushed);
    }
  }
  if (successor) return successor->send(type, head, body, reserved);
  if (writer) writer->write_now();
  return {};
}

void link_peer::request(std::uint16_t kind, std::string_view body, time_point now, time_point deadline,
                        reply_callback done) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(std::max(deadline - now, duration::zero())).count();
  error refused;
  {
    std::unique_lock lock(mutex_);
    if (state_ == state::merged) {
      const auto successor = successor_;
      lock.unlock();
      return successor->request(kind, body, now, deadline, std::move(done));
    }
    if (state_ == state::dead) {
      refused = why_;
    } else {
      const auto id = host_.next_request_id();
      if (!requests_.add(id, deadline, done)) {
        refused = {errc::unavailable, "too many requests wait for the peer"};
      } else {
        std::string head;
        append_le(head, id);
        append_le(head, kind);
        append_le(head, static_cast<std::uint32_t>(std::min<std::int64_t>(left, 0xffffffff)));
        const auto pushed = push(frame_type::request, head, body, false);
        if (pushed) {
          host_.want_sweep();
          lock.unlock();
          if (*pushed) (*pushed)->write_now();
          return;
        }
        done = *requests_.take(id);
        refused = pushed.error();
      }
    }
  }
  done(tl::unexpected<error>(std::move(refused)));
}

void link_peer::reply(std::uint64_t id, const expected<std::string_view>& answer) {
  const auto head_of = [id](errc code) {
    std::string head;
    append_le(head, id);
    append_le(head, static_cast<std::uint8_t>(code));
    return head;
  };
  const auto error_of = [&](const error& e) { (void)send(frame_type::reply, head_of(e.code), e.context, true); };
  if (!answer) return error_of(answer.error());
  // The request was carried out: the asker must not take a full queue here for a request that was never sent.
  if (const auto sent = send(frame_type::reply, head_of(errc::ok), *answer); !sent)
    error_of({errc::outcome_unknown, "the answer could not be sent: " + sent.error().context});
}

bool link_peer::alive() const {
  const std::lock_guard lock(mutex_);
  return state_ != state::dead;
}

bool link_peer::up() const {
  const std::lock_guard lock(mutex_);
  return state_ == state::up;
}

std::uint64_t link_peer::queued() const {
  const std::lock_guard lock(mutex_);
  return queue_.bytes();
}

bool link_peer::has_requests() const {
  const std::lock_guard lock(mutex_);
  return !requests_.empty();
}

std::uint64_t link_peer::take_batch(std::vector<std::string>& blocks) {
  const std::lock_guard lock(mutex_);
  const auto taken = queue_.take(blocks, lane_share);
  if (taken == 0) armed_ = false;
  if (frames_ > 0) link_counters::add(host_.counters().frames_out, std::exchange(frames_, 0));
  return taken;
}

bool link_peer::rest() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) armed_ = false;
  return !armed_;
}

void link_peer::on_written(std::uint64_t bytes, std::vector<std::string>& blocks) {
  const std::lock_guard lock(mutex_);
  if (state_ != state::dead) queue_.written(bytes, blocks);
  blocks.clear();
}

expected<void> link_peer::on_frame(frame_type type, std::string_view payload) {
  switch (type) {
    case frame_type::request: return on_request(payload);
    case frame_type::reply: return on_reply(payload);
    case frame_type::cluster: host_.on_cluster(identity_, payload); return {};
    default: break;
  }
  if (!is_actor_frame(type)) return fail(errc::corrupt, "a frame out of turn");
  if (!extension_) return fail(errc::corrupt, "an actor frame to a node without actors");
  return extension_->on_frame(type, payload);
}

expected<void> link_peer::on_request(std::string_view payload) {
  wire_reader in(payload);
  const auto id = in.take<std::uint64_t>();
  const auto kind = in.take<std::uint16_t>();
  const std::chrono::milliseconds left(in.take<std::uint32_t>());
  if (!in.good()) return fail(errc::corrupt, "request cut short");
  host_.on_request(shared_from_this(), id, kind, clock_now() + left, in.rest());
  return {};
}

expected<void> link_peer::on_reply(std::string_view payload) {
  wire_reader in(payload);
  const auto id = in.take<std::uint64_t>();
  const auto code = in.take<std::uint8_t>();
  if (!in.good() || code > static_cast<std::uint8_t>(errc_last))
    return fail(errc::corrupt, "reply that cannot be read");
  std::optional<reply_callback> done;
  {
    const std::lock_guard lock(mutex_);
    done = requests_.take(id);
    if (!done) link_counters::add(host_.counters().late_replies);
  }
  if (!done) return {};
  if (static_cast<errc>(code) == errc::ok)
    (*done)(in.rest());
  else
    (*done)(fail(static_cast<errc>(code), std::string(in.rest())));
  return {};
}

void link_peer::detach() {
  const std::lock_guard lock(mutex_);
  connection_.reset();
  armed_ = false;
  if (state_ == state::up) state_ = state::dormant;
}

void link_peer::set_up(const peer_identity& identity, const std::shared_ptr<link_outlet>& connection) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = identity_.id.empty();
    if (first) identity_ = identity;
    state_ = state::up;
    connection_ = connection;
    armed_ = true;  // attaching looks into the queue
    wanted_ = false;
  }
  if (first && extension_) extension_->on_up(identity);
}

bool link_peer::needs_connection() const {
  {
    const std::lock_guard lock(mutex_);
    if (state_ == state::dead || state_ == state::merged) return false;
    if (wanted_ || !queue_.empty() || !requests_.empty()) return true;
  }
  return extension_ && extension_->busy();
}

void link_peer::die(error why) {
  std::vector<reply_callback> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == state::dead || state_ == state::merged) return;
    state_ = state::dead;
    why_ = why;
    queue_.clear();
    waiting = requests_.take_all();
    connection_.reset();
  }
  for (const auto& done : waiting) done(tl::unexpected<error>(why));
  if (extension_) extension_->on_lost(why);
}

void link_peer::expire(time_point now) {
  std::vector<reply_callback> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = requests_.expire(now);
    if (!waiting.empty()) link_counters::add(host_.counters().timeouts, waiting.size());
  }
  for (const auto& done : waiting) done(fail(errc::outcome_unknown, "no answer from the peer before the deadline"));
}

void link_peer::merge_into(const std::shared_ptr<link_peer>& other) {
  const std::scoped_lock lock(mutex_, other->mutex_);
  if (state_ == state::dead || state_ == state::merged) return;
  state_ = state::merged;
  successor_ = other;
  connection_.reset();
  other->queue_.absorb(queue_);
  other->requests_.absorb(requests_);
  other->frames_ += frames_;
  if (other->queue_.empty()) return;
  if (const auto writer = other->wake(other->queue_.bytes())) writer->flush();
}

}  // namespace troupe
