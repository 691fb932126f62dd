#include "node/discovery.hpp"

#include <utility>

#include "actors/net/bind_address.hpp"

namespace troupe {

expected<void> discovery::open(const peer_identity& self, const std::string& bound,
                               const std::shared_ptr<packet_seal>& seal) {
  if (!may_find_more()) return {};
  auto finder = seed_finder::make(settings_, log_);
  if (!finder) return tl::unexpected(std::move(finder.error()));
  finder_ = std::move(*finder);
  if (settings_.multicast == "off") return {};
  const auto on = parse_address(bound);
  if (!on) return tl::unexpected(on.error());
  beacon_ = std::make_unique<multicast_beacon>(io_.context(0),
                                               announcement{settings_.name, self.address, self.id, true}, seal);
  return beacon_->open(settings_.multicast, on->address());
}

std::vector<std::string> discovery::fixed_seeds() const {
  std::vector<std::string> fixed;
  for (const auto& text : settings_.seeds) {
    const auto seed = parse_seed(text);
    if (seed && seed->what == seed_spec::kind::address) fixed.push_back(address_text(seed->host, seed->port));
  }
  return fixed;
}

std::vector<std::string> discovery::seeds_now() const { return finder_ ? finder_->addresses() : fixed_seeds(); }

void discovery::start(event_hub& events, const std::shared_ptr<link_table>& link, seed_finder::found_callback found) {
  events_ = &events;
  watch_ = std::make_shared<join_watch>(events, log_, link, [this] { return seeds_now(); });
  watch_->start();
  if (finder_) finder_->start(std::move(found));
  if (!beacon_) return;
  beacon_->start([this](const std::string& address) { finder_->hear(address); });
  listener_ = events.listen([this](const std::shared_ptr<const event>& e) {
    if (e->kind == "joined") beacon_->found();
  });
}

void discovery::wish() {
  if (finder_) finder_->wish();
}

void discovery::register_metrics(metrics& m) {
  if (!beacon_) return;
  const auto& n = beacon_->count();
  const auto read = [&](const char* direction, const std::atomic<std::uint64_t>& number) {
    m.read_counter("troupe_multicast_announcements_total", "Announcements of members by multicast",
                   {{"direction", direction}},
                   [&number] { return static_cast<double>(number.load(std::memory_order_relaxed)); });
  };
  read("sent", n.sent);
  read("heard", n.heard);
  read("foreign", n.foreign);
  read("dropped", n.dropped);
}

void discovery::close() {
  if (const auto id = std::exchange(listener_, 0)) events_->unlisten(id);
  if (watch_) watch_->close();
  if (beacon_) beacon_->close();
  if (finder_) finder_->stop();
}

}  // namespace troupe
