// The shard stores of a node as a hand-over sees them: caches by name, each call under the shard's lock.
// Called by the cluster actor; the stores are served by I/O threads meanwhile.
#pragma once

#include "actors/cache/shard_host.hpp"
#include "runtime/cache/catalogue.hpp"
#include "runtime/sharding/shard_contents.hpp"

namespace troupe {

class host_contents final : public shard_contents {
 public:
  /// Both outlive this object.
  host_contents(shard_host& host, const cache_catalogue& caches) : host_(host), caches_(caches) {}

  /// What is done beside the stores; before anything is handed over, and outlives the last call.
  void set_work(shard_work* work) noexcept { work_ = work; }

  void watch(std::uint32_t shard, std::uint64_t epoch) override;
  void unwatch(std::uint32_t shard, std::uint64_t epoch) override;
  [[nodiscard]] std::uint64_t changed_bytes(std::uint32_t shard) const override;
  [[nodiscard]] std::uint64_t read(std::uint32_t shard, std::uint64_t cursor, std::uint64_t bytes_max, time_point now,
                                   sink show) override;
  [[nodiscard]] bool read_changes(std::uint32_t shard, std::uint64_t bytes_max, time_point now, sink show) override;
  [[nodiscard]] bool calm(std::uint32_t shard, std::uint64_t) override {
    return work_ == nullptr || work_->calm(shard);
  }
  void stir(std::uint32_t shard, std::uint64_t) override {
    if (work_ != nullptr) work_->stir(shard);
  }
  [[nodiscard]] bool release(std::uint32_t shard, std::uint64_t epoch) override { return host_.release(shard, epoch); }
  void reopen(std::uint32_t shard, std::uint64_t epoch) override { host_.reopen(shard, epoch); }
  [[nodiscard]] bool drained(std::uint32_t shard) const override;
  [[nodiscard]] bool begin_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) override;
  void confirm_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) override;
  void abandon_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) override;
  [[nodiscard]] std::uint64_t version(std::uint32_t shard) const override;
  [[nodiscard]] std::uint64_t sequence(std::uint32_t shard) const override;
  [[nodiscard]] bool begin_copy(std::uint32_t shard, std::uint64_t epoch) override;
  [[nodiscard]] bool copy(std::uint32_t shard, const copied_entry& e, time_point now) override;
  [[nodiscard]] holdings restored() const override;
  [[nodiscard]] bool may_copy(std::uint32_t) const override { return host_.may_log() == errc::ok; }
  [[nodiscard]] bool settled(std::uint32_t shard) const override { return host_.settled(shard); }
  void finish_copy(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version, std::uint64_t sequence) override;

 private:
  [[nodiscard]] copied_entry named(const shard_store::entry_view& e) const;

  shard_host& host_;
  const cache_catalogue& caches_;
  shard_work* work_ = nullptr;
};

}  // namespace troupe
