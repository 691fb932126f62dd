// How the shards of a node meet those of others: the ways over the cluster link.
#include "node/runner.hpp"

namespace troupe {

// Commands for shards of other members leave over the link, and theirs arrive there.
expected<void> node::runner::connect_shards() {
  const bool alone = settings_.kvs.type == "local_standalone";
  changes_ = std::make_shared<change_link>(
      change_link::surroundings{io_, alone ? nullptr : &cluster_.link(), shards_, catalogue_,
                                [this](std::uint64_t pid) { return cluster_.find(pid); }, drawn_.machine_seed + 4});
  if (auto started = changes_->start(); !started) return started;
  router_->set_changes(changes_.get());
  if (alone) return {};
  forwarder_ = std::make_unique<link_forwarder>(
      io_, cluster_.link(), [this](std::uint64_t pid) { return cluster_.find(pid); },
      [this] { return router_->table_stamp(); });
  router_->set_forwarder(forwarder_.get());
  replicas_ = std::make_shared<replica_link>(io_, cluster_.link(), shards_, catalogue_,
                                             [this](std::uint64_t pid) { return cluster_.find(pid); });
  replicas_->serve();
  shards_.set_channel(*replicas_);
  shards_.on_laggards([this](std::vector<shard_host::laggard> who) { cluster_.on_laggards(std::move(who)); });
  near_ = std::make_shared<near_link>(near_link::surroundings{io_, cluster_.link(), shards_, catalogue_,
                                                              [this](std::uint64_t pid) { return cluster_.find(pid); },
                                                              drawn_.machine_seed + 3});
  if (auto started = near_->start(); !started) return started;
  router_->set_near(near_.get());
  local_ = std::make_shared<local_copy_link>(
      local_copy_link::surroundings{&cluster_.link(), shards_, *changes_, catalogue_,
                                    [this](std::uint64_t pid) { return cluster_.find(pid); }, drawn_.machine_seed + 5});
  local_->start();
  router_->set_local(local_.get());
  served_ = serve_cache_requests(cluster_.link(), *router_);
  return {};
}

}  // namespace troupe
