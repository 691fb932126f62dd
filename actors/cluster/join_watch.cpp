#include "actors/cluster/join_watch.hpp"

#include <utility>

namespace troupe {

join_watch::join_watch(event_hub& events, event_log& log, std::shared_ptr<link_table> link, seeds_reader seeds)
    : events_(events), log_(log), link_(std::move(link)), seeds_(std::move(seeds)) {}

join_watch::~join_watch() { close(); }

void join_watch::start() {
  listener_ = events_.listen([self = weak_from_this()](const std::shared_ptr<const event>& e) {
    const auto alive = self.lock();
    if (alive && e->kind == "join_unanswered") alive->look();
  });
}

void join_watch::close() {
  if (const auto id = std::exchange(listener_, 0)) events_.unlisten(id);
}

void join_watch::look() {
  auto seeds = seeds_();
  std::erase(seeds, link_->self().address);
  if (seeds.size() > seeds_max) seeds.resize(seeds_max);
  for (const auto& seed : seeds) {
    link_->probe({seed, {}}, std::chrono::steady_clock::now() + answer_max,
                 [self = weak_from_this(), seed](const expected<void>& answered) {
                   const auto alive = self.lock();
                   if (!alive) return;
                   const std::string reason =
                       answered ? "it proves the same secret over TCP, but no gossip of it arrives: is UDP blocked, or "
                                  "does it search for a cluster itself?"
                                : answered.error().context;
                   alive->log_.warn("cluster", "join_blocked", {{"seed", seed}, {"reason", reason}});
                   alive->events_.publish("join_blocked", {{"seed", seed}, {"reason", reason}});
                 });
  }
}

}  // namespace troupe
