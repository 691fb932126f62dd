// The log of durable caches: read before anybody serves, written from then on.
#include "actors/disk/durable_file.hpp"
#include "node/runner.hpp"
#include "runtime/durability/holders_file.hpp"

namespace troupe {

namespace {

constexpr std::size_t holders_bytes_max = 1 * mib;

}  // namespace

expected<void> node::runner::open_log() {
  if (!settings_.has_service("cache")) return {};
  auto modes = modes_of(catalogue_);
  const auto directory = data_.file("durable");
  if (strictest(modes) == fsync_mode::not_durable) {
    const auto left = segments_in(directory);
    if (left && !left->empty())
      log_->warn("durability", "log_unused", {{"directory", directory}, {"reason", "no cache is durable any more"}});
    return {};
  }
  auto bytes = read_whole(data_.file(std::string(holders_file)), holders_bytes_max);
  if (!bytes && bytes.error().code != errc::not_found) return tl::unexpected(std::move(bytes.error()));
  auto holders = decode_holders(bytes ? *bytes : std::string());
  if (!holders)
    return fail(errc::storage_failed, data_.file(std::string(holders_file)) + ": " + describe(holders.error()));
  if (settings_.kvs.type == "local_standalone") holders->push_back(1);  // its PID, always
  const auto loaded = load_log({directory, std::move(*holders), catalogue_, modes}, shards_, *log_);
  if (!loaded) return tl::unexpected(loaded.error());
  log_->info("durability", "log_read",
             {{"directory", directory}, {"shards", loaded->found.shards.size()}, {"bytes", loaded->log_bytes}});
  status_.change_conditions([](local_conditions& here) { here.log_wanted = true; });
  shard_log_ = std::make_unique<shard_log>(
      shard_log::surroundings{shards_, catalogue_, *log_, directory, std::move(modes),
                              [this](const std::string& fault) {
                                status_.change_conditions([&](local_conditions& here) { here.log_fault = fault; });
                              }},
      *loaded);
  if (auto started = shard_log_->start(); !started) return started;
  shards_.set_log_reader([log = shard_log_.get()] { return log->usage(); });
  shards_.set_journal(shard_log_.get());
  return {};
}

}  // namespace troupe
