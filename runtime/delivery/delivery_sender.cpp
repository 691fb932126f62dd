#include "runtime/delivery/delivery_sender.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

delivery_sender::delivery_sender(incarnation_id producer, const delivery_limits& l, random rng)
    : producer_(producer), limits_(l), rng_(rng), waits_(l.retry_first, l.retry_most) {}

expected<std::uint64_t> delivery_sender::offer(std::string content, time_point now, output& out) {
  if (content.size() > limits_.message_bytes_max) {
    ++counts_.refused;
    return fail(errc::too_large,
                "a message of this delivery has at most " + std::to_string(limits_.message_bytes_max) + " bytes");
  }
  if (messages_ >= limits_.waiting_max || (messages_ > 0 && bytes_ + content.size() > limits_.waiting_bytes_max)) {
    ++counts_.refused;
    return fail(errc::unavailable, "too many messages are not acknowledged");
  }
  ++counts_.taken;
  ++messages_;
  bytes_ += content.size();
  const auto whole = std::make_shared<const std::string>(std::move(content));
  const auto message = last() + 1;
  std::size_t offset = 0;
  do {
    const auto size = std::min(limits_.piece_bytes, whole->size() - offset);
    pieces_.push_back({whole, message, offset, size, offset == 0, offset + size == whole->size()});
    offset += size;
  } while (offset < whole->size());
  const auto number = last();
  send(now, out);
  return number;
}

delivery_frame delivery_sender::frame_of(std::uint64_t sequence) const {
  const auto& p = pieces_[sequence - base_];
  return {producer_, sequence, base_, p.begins, p.ends, p.whole->substr(p.offset, p.size)};
}

void delivery_sender::ask(output& out) { out.frames.push_back({producer_, 0, base_, false, false, {}}); }

void delivery_sender::on_route(time_point now, output& out) {
  state_ = state::asking;
  waits_.reset();
  ask(out);
  arm(now);
}

void delivery_sender::on_route_lost() {
  state_ = state::no_route;
  retry_at_ = time_point::max();
}

// All pieces after `received` go again.
void delivery_sender::rewind(std::uint64_t received) {
  received_ = std::clamp(received, base_ - 1, last());
  next_ = received_ + 1;
  under_way_ = 0;
  for (auto i = base_; i < next_; ++i) under_way_ += pieces_[i - base_].size;
}

void delivery_sender::confirm(const delivery_ack& a, output& out) {
  const auto handled = a.handled;
  if (handled < base_ || handled > last() || handled > sent_most_ || !pieces_[handled - base_].ends) return;
  while (base_ <= handled) {
    const auto& p = pieces_.front();
    bytes_ -= p.size;
    if (base_ < next_) under_way_ -= p.size;
    if (p.ends) {
      --messages_;
      ++counts_.confirmed;
      const auto failed =
          std::find_if(a.failures.begin(), a.failures.end(), [&](const auto& f) { return f.number == base_; });
      out.confirmed.push_back({base_, failed == a.failures.end() ? errc::ok : failed->code});
    }
    pieces_.pop_front();
    ++base_;
  }
  next_ = std::max(next_, base_);
  received_ = std::max(received_, base_ - 1);
}

void delivery_sender::on_ack(const delivery_ack& a, time_point now, output& out) {
  if (a.producer != producer_) return;
  const auto base_before = base_;
  confirm(a, out);
  if (state_ == state::no_route) return;
  bool progress = base_ != base_before;
  if (state_ == state::asking || a.session != session_) {
    if (a.session != session_) ++counts_.sessions;
    session_ = a.session;
    state_ = state::open;
    rewind(a.received);
    progress = true;
  } else if (a.received > received_ && a.received < next_) {
    received_ = a.received;
    progress = true;
  }
  if (progress) {
    waits_.reset();
    retry_at_ = time_point::max();
  }
  send(now, out);
}

// The first message goes whatever its size; the others as far as the window goes.
void delivery_sender::send(time_point now, output& out) {
  if (state_ != state::open) return;
  for (; next_ <= last(); ++next_) {
    const auto& p = pieces_[next_ - base_];
    if (under_way_ + p.size > limits_.window_bytes && p.message != base_) break;
    under_way_ += p.size;
    counts_.again += next_ <= sent_most_ ? 1 : 0;
    ++counts_.pieces;
    sent_most_ = std::max(sent_most_, next_);
    out.frames.push_back(frame_of(next_));
  }
  if (next_ > base_ && retry_at_ == time_point::max()) arm(now);
  if (next_ == base_) retry_at_ = time_point::max();
}

void delivery_sender::arm(time_point now) { retry_at_ = now + waits_.next(rng_); }

void delivery_sender::on_tick(time_point now, output& out) {
  if (now < retry_at_) return;
  retry_at_ = time_point::max();
  if (state_ == state::no_route) return;
  if (state_ == state::asking || received_ + 1 >= next_) {
    ask(out);
    return arm(now);
  }
  rewind(received_);
  send(now, out);
}

}  // namespace troupe
