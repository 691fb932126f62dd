// What leaves a process: datagrams, stream packets, writes. Every delay and loss is drawn here.
#include <algorithm>
#include <utility>

#include "tests/sim/world.hpp"

namespace troupe::sim {

void world::send(node_index from, node_index to, channel how, std::string bytes) {
  if (to >= size()) return;
  if (nodes_[from].io_blocks > 0) {
    auto& waiting = nodes_[from].outbox;
    if (waiting.size() < options_.inbox_max) waiting.push_back({to, how, std::move(bytes)});
    return;
  }
  if (how == channel::datagram) {
    send_datagram(from, to, std::move(bytes));
  } else {
    send_stream(from, to, std::move(bytes));
  }
}

void world::send_datagram(node_index from, node_index to, std::string bytes) {
  ++counts_.datagrams;
  ++nodes_[from].datagrams;
  counts_.datagram_bytes += bytes.size();
  const auto& c = net_.conditions(from, to);
  const bool reaches = from == to || (!net_.cut(from, to) && !rng_.chance(c.loss));
  if (!reaches) {
    ++counts_.lost;
    return;
  }
  happening h;
  h.what = happening::kind::packet;
  h.how = channel::datagram;
  h.node = to;
  h.from = from;
  auto flight = [&] {
    duration d = rng_.between(c.latency_min, c.latency_max);
    if (c.reorder > 0 && rng_.chance(c.reorder)) d += rng_.between(duration::zero(), c.reorder_delay);
    return d;
  };
  if (c.duplicate > 0 && rng_.chance(c.duplicate)) {
    h.bytes = bytes;
    queue_.push(now_ + flight(), h);
  }
  h.bytes = std::move(bytes);
  queue_.push(now_ + flight(), std::move(h));
}

void world::send_stream(node_index from, node_index to, std::string bytes) {
  ++counts_.streams;
  counts_.stream_bytes += bytes.size();
  if (net_.at(from, to).loss_pending) return;  // still writes to the link that broke
  open_link(from, to);
  auto& link = net_.link(from, to);
  if (!link.open) return;
  const auto& c = net_.conditions(from, to);
  duration flight = rng_.between(c.latency_min, c.latency_max);
  for (int tries = 0; tries < 3 && c.loss > 0 && rng_.chance(c.loss); ++tries) {
    flight += options_.retransmission * (1 << tries);
  }
  auto& wire = net_.at(from, to);
  wire.last_stream_arrival = std::max(now_ + flight, wire.last_stream_arrival + duration(1));
  happening h;
  h.what = happening::kind::packet;
  h.how = channel::stream;
  h.node = to;
  h.from = from;
  h.generation = link.generation;
  h.bytes = std::move(bytes);
  queue_.push(wire.last_stream_arrival, std::move(h));
}

void world::open_link(node_index a, node_index b) {
  auto& link = net_.link(a, b);
  if (a == b || link.open || !running(a)) return;
  const bool cut = net_.link_cut(a, b);
  if (cut || nodes_[b].unreachable) {
    announce_loss(a, b, false);
  } else if (!running(b)) {
    announce_loss(a, b, true);
  } else {
    link.open = true;
    ++link.generation;
    net_.at(a, b).last_stream_arrival = net_.at(b, a).last_stream_arrival = now_;
  }
}

void world::break_link(node_index a, node_index b) { close_link(a, b, true); }

/// What is under way on the link is gone; each end that runs is told after a delay.
void world::close_link(node_index a, node_index b, bool closed) {
  auto& link = net_.link(a, b);
  if (!link.open) return;
  link.open = false;
  ++link.generation;
  announce_loss(a, b, closed);
  announce_loss(b, a, closed);
}

void world::announce_loss(node_index end, node_index peer, bool closed) {
  auto& wire = net_.at(end, peer);
  if (wire.loss_pending || !running(end)) return;
  wire.loss_pending = true;
  happening h;
  h.what = happening::kind::link_lost;
  h.node = end;
  h.from = peer;
  h.start = nodes_[end].starts;
  h.generation = ++wire.loss_number;
  h.closed = closed;
  const auto delay = closed ? options_.reset_delay : rng_.between(options_.break_delay_min, options_.break_delay_max);
  queue_.push(now_ + delay, std::move(h));
}

void world::write(node_index n, std::string file, std::string bytes, std::function<void()> done) {
  node& of = nodes_[n];
  const time_point when =
      std::max(now_ + rng_.between(options_.write_min, options_.write_max), of.last_write + duration(1));
  of.last_write = when;
  of.writes.push_back({++of.next_write, std::move(file), std::move(bytes)});
  happening h;
  h.what = happening::kind::written;
  h.node = n;
  h.start = of.starts;
  h.generation = of.next_write;
  h.act = std::move(done);
  queue_.push(when, std::move(h));
}

void world::finish_write(node& n, std::uint32_t number) {
  if (n.writes.empty() || n.writes.front().number != number) return;
  n.files[n.writes.front().file] = std::move(n.writes.front().bytes);
  n.writes.pop_front();
}

}  // namespace troupe::sim
