#include "actors/simulation/simulated_network.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <boost/asio/post.hpp>

namespace troupe {

namespace {

/// As a handshake: there and back twice.
constexpr int dial_trips = 4;

}  // namespace

class simulated_network::carrier final : public link_carrier {
 public:
  carrier(simulated_network& net, std::size_t node) : net_(net), node_(node) {}
  void dial(const std::shared_ptr<link_peer>& peer, const std::string& address, const incarnation_id& wanted) override {
    net_.dial({node_, net_.node_at(address), peer, wanted, net_.world_.now()});
  }
  void on_lost(const std::shared_ptr<link_peer>& peer) override { net_.on_lost(node_, peer); }

 private:
  simulated_network& net_;
  const std::size_t node_;
};

/// One end of a connection: takes everything that waits, in the node's next turn.
class simulated_network::outlet final : public link_outlet, public std::enable_shared_from_this<outlet> {
 public:
  outlet(simulated_network& net, std::weak_ptr<wire> w, std::size_t index, boost::asio::io_context& loop)
      : net_(net), wire_(std::move(w)), index_(index), loop_(loop) {}

  void flush() override {
    if (std::exchange(posted_, true)) return;
    boost::asio::post(loop_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->write();
    });
  }

 private:
  void write() {
    posted_ = false;
    const auto w = wire_.lock();
    if (!w || !w->open || !w->ends[index_].peer) return;
    const auto peer = w->ends[index_].peer;
    std::vector<std::string> blocks;
    std::string bytes;
    while (const auto taken = peer->take_batch(blocks)) {
      for (const auto& block : blocks) bytes += block;
      peer->on_written(taken, blocks);
    }
    if (!bytes.empty()) net_.send(w, index_, std::move(bytes));
  }

  simulated_network& net_;
  const std::weak_ptr<wire> wire_;
  const std::size_t index_;
  boost::asio::io_context& loop_;
  bool posted_ = false;
};

simulated_network::simulated_network(simulated_world& world)
    : world_(world), stations_(world.size()), cuts_(world.size() * world.size()) {}

simulated_network::~simulated_network() = default;

void simulated_network::join(std::size_t node, station s) { stations_[node] = std::move(s); }

void simulated_network::leave(std::size_t node) {
  stations_[node].reset();
  for (const auto& w : std::vector(wires_)) {
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      if (w->ends[i].node != node) continue;
      close(w);
      w->ends[i].peer.reset();
      const auto other = 1 - i;
      world_.call_after(reset_delay, w->ends[other].node, [this, w, other, since = world_.now()] {
        tell_broken(w, other, "the peer closed the connection", since);
      });
    }
  }
}

std::shared_ptr<link_carrier> simulated_network::carrier_of(std::size_t node) {
  return std::make_shared<carrier>(*this, node);
}

void simulated_network::change_cuts(const std::vector<std::size_t>& group, int by) {
  const auto inside = [&](std::size_t n) { return std::find(group.begin(), group.end(), n) != group.end(); };
  for (std::size_t a = 0; a < world_.size(); ++a) {
    for (std::size_t b = 0; b < world_.size(); ++b) {
      if (inside(a) != inside(b)) cuts_[a * world_.size() + b] += by;
    }
  }
}

duration simulated_network::some_latency() {
  const auto more = delays_.empty() ? duration::zero() : *delays_.rbegin();
  return world_.rng().between(latency_min, latency_max + more);
}

std::size_t simulated_network::node_at(std::string_view address) const {
  std::size_t n = 0;
  if (address.starts_with('n')) std::from_chars(address.data() + 1, address.data() + address.size(), n);
  return n == 0 || n > world_.size() || address_of(n - 1) != address ? simulated_world::nobody : n - 1;
}

void simulated_network::send_datagram(std::size_t from, std::string_view to, std::string bytes) {
  const auto there = node_at(to);
  if (there == simulated_world::nobody || world_.rng().chance(loss())) return;
  world_.call_after(some_latency(), there, [this, from, there, bytes = std::move(bytes)]() mutable {
    if (!is_cut(from, there) && stations_[there]) stations_[there]->on_datagram(address_of(from), std::move(bytes));
  });
}

// ---- connections begin ----

void simulated_network::dial(dialling d) {
  duration takes{};
  for (int i = 0; i < dial_trips; ++i) takes += some_latency();
  world_.call_after(takes, d.node, [this, d = std::move(d)] { attempt(d); });
}

void simulated_network::attempt(const dialling& d) {
  if (!d.peer->alive() || d.peer->up()) return;
  auto& link = *stations_[d.node]->link;
  connection_end end;
  if (d.to == simulated_world::nobody) {
    end.why = {errc::unavailable, "there is no such address"};
    return link.fail_dial(d.peer, end);
  }
  if (is_cut(d.node, d.to) || world_.paused(d.to)) {
    if (world_.now() - d.since < dial_max) return world_.call_after(retransmission, d.node, [this, d] { attempt(d); });
    end.why = {errc::unavailable, address_of(d.to) + " does not answer"};
    return link.fail_dial(d.peer, end);
  }
  const auto& there = stations_[d.to];
  if (!there) {
    end.why = {errc::unavailable, address_of(d.to) + ": connection refused"};
    end.nobody = true;
    return link.fail_dial(d.peer, end);
  }
  if (!d.wanted.empty() && d.wanted != there->self.id) {
    end.why = {errc::unavailable, "another incarnation of " + there->self.name + " answers there"};
    end.refusal = link_refusal::wrong_incarnation;
    return link.fail_dial(d.peer, end);
  }
  connect(d);
}

simulated_network::wire_ptr simulated_network::wire_between(std::size_t a, std::size_t b) const {
  const auto found = std::find_if(wires_.begin(), wires_.end(), [&](const wire_ptr& w) {
    const auto x = w->ends[0].node, y = w->ends[1].node;
    return (x == a && y == b) || (x == b && y == a);
  });
  return found == wires_.end() ? nullptr : *found;
}

simulated_network::wire_end simulated_network::make_end(std::size_t node, const wire_ptr& w, std::size_t index) {
  const auto& settings = static_cast<const link_host&>(*stations_[node]->link).settings();
  wire_end e;
  e.node = node;
  e.who = stations_[node]->self;
  e.out = std::make_shared<outlet>(*this, w, index, *stations_[node]->loop);
  e.reader = std::make_unique<frame_reader>(settings.frame_max);
  e.chunks = std::make_unique<reassembler>(
      reassembly_limits{.message_max = settings.message_max, .bytes_max = 2 * settings.message_max});
  return e;
}

void simulated_network::connect(const dialling& d) {
  auto& link = *stations_[d.node]->link;
  const auto who = stations_[d.to]->self;
  if (const auto there = wire_between(d.node, d.to)) {
    auto& mine = there->ends[there->ends[0].node == d.node ? 0 : 1];
    if (!mine.peer) return world_.call_after(latency_min, d.node, [this, d] { attempt(d); });
    (void)link.carry(d.peer, who, mine.out);  // known under another address: it joins that one
    return;
  }
  const auto w = std::make_shared<wire>();
  w->ends[0] = make_end(d.node, w, 0);
  w->ends[1] = make_end(d.to, w, 1);
  wires_.push_back(w);
  w->ends[0].peer = link.carry(d.peer, who, w->ends[0].out);
  world_.call_after(duration::zero(), d.to, [this, w] { accept(w); });
}

void simulated_network::accept(const wire_ptr& w) {
  if (!w->open) return;
  auto& here = w->ends[1];
  const auto& who = w->ends[0].who;
  auto& link = *stations_[here.node]->link;
  auto peer = link.peer_of(who);
  if (peer->up()) {  // the dialler has given that one up
    link.break_off(peer, {errc::peer_lost, "the peer gave the connection up and made another"}, false);
    peer = link.peer_of(who);
  }
  here.peer = link.carry(peer, who, here.out);
}

// ---- what they carry ----

void simulated_network::send(const wire_ptr& w, std::size_t from, std::string bytes) {
  const auto to = 1 - from;
  auto& there = w->ends[to];
  auto at = world_.now() + some_latency();
  if (world_.rng().chance(loss())) at += retransmission;
  there.last = std::max(there.last, at);
  there.coming.emplace_back(there.last, std::move(bytes));
  world_.call_at(there.last, there.node, [this, w, to] { arrive(w, to); });
}

void simulated_network::arrive(const wire_ptr& w, std::size_t at) {
  if (!w->open) return;
  auto& here = w->ends[at];
  if (is_cut(w->ends[1 - at].node, here.node)) {
    if (!here.blocked_since) here.blocked_since = world_.now();
    if (world_.now() - *here.blocked_since >= silence_max) {
      close(w);
      for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
        world_.call_after(duration::zero(), w->ends[i].node, [this, w, i, since = *here.blocked_since] {
          tell_broken(w, i, "the peer does not answer", since);
        });
      }
    } else if (!std::exchange(here.retrying, true)) {
      world_.call_after(retransmission, here.node, [this, w, at] {
        w->ends[at].retrying = false;
        arrive(w, at);
      });
    }
    return;
  }
  here.blocked_since.reset();
  while (w->open && !here.coming.empty() && here.coming.front().first <= world_.now()) {
    const auto bytes = std::move(here.coming.front().second);
    here.coming.pop_front();
    feed(w, at, bytes);
  }
}

// As link_connection reads.
void simulated_network::feed(const wire_ptr& w, std::size_t at, const std::string& bytes) {
  auto& here = w->ends[at];
  const auto peer = here.peer;
  if (!peer) return;
  std::size_t done = 0;
  std::uint64_t frames = 0;
  while (done < bytes.size()) {
    const auto space = here.reader->space();
    const auto size = std::min(space.size(), bytes.size() - done);
    std::memcpy(space.data(), bytes.data() + done, size);
    here.reader->commit(size);
    done += size;
    for (;;) {
      expected<void> taken;
      const auto next = here.reader->next();
      if (next && !*next) break;
      ++frames;
      if (!next) {
        taken = tl::unexpected<error>(next.error());
      } else if ((*next)->type == frame_type::chunk) {
        auto whole = here.chunks->on_chunk((*next)->payload);
        if (!whole)
          taken = tl::unexpected<error>(whole.error());
        else if (*whole)
          taken = peer->on_frame((*whole)->type, (*whole)->payload);
      } else {
        taken = peer->on_frame((*next)->type, (*next)->payload);
      }
      if (!w->open) return;
      if (!taken) return stations_[here.node]->link->break_off(peer, {errc::peer_lost, taken.error().context}, false);
    }
  }
  peer->on_batch_end(frames);
}

// ---- and end ----

void simulated_network::close(const wire_ptr& w) {
  w->open = false;
  std::erase(wires_, w);
  for (auto& e : w->ends) e.coming.clear();
}

// A node gave its peer up; the other end hears of it.
void simulated_network::on_lost(std::size_t node, const std::shared_ptr<link_peer>& peer) {
  for (const auto& w : std::vector(wires_)) {
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      if (w->ends[i].node != node || w->ends[i].peer != peer) continue;
      close(w);
      w->ends[i].peer.reset();
      const auto other = 1 - i;
      world_.call_after(some_latency(), w->ends[other].node, [this, w, other, since = world_.now()] {
        tell_broken(w, other, "the peer closed the connection", since);
      });
    }
  }
}

// By a packet of its own, which a cut holds up too.
void simulated_network::tell_broken(const wire_ptr& w, std::size_t end, const std::string& why, time_point since) {
  auto& here = w->ends[end];
  const bool cut = is_cut(w->ends[1 - end].node, here.node);
  const bool silent = cut && world_.now() - since >= silence_max;
  if (cut && !silent)
    return world_.call_after(retransmission, here.node,
                             [this, w, end, why, since] { tell_broken(w, end, why, since); });
  const auto peer = std::exchange(here.peer, nullptr);
  if (peer && stations_[here.node]) stations_[here.node]->link->break_off(peer, {errc::peer_lost, why}, silent);
}

}  // namespace troupe
