// The shard stores of a simulated node: the real held_shard, without locks.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/cache/held_shard.hpp"
#include "runtime/cache/memory_ledger.hpp"
#include "runtime/sharding/shard_contents.hpp"

namespace troupe::sim {

class simulated_stores final : public shard_contents {
 public:
  static constexpr std::uint64_t memory_max = std::uint64_t{64} << 20;

  explicit simulated_stores(std::uint32_t shards) {
    shards_.reserve(shards);
    for (std::uint32_t s = 0; s < shards; ++s)
      shards_.emplace_back(store_settings{&ledger_, 7, eviction_policy::none}, s);
  }

  [[nodiscard]] held_shard& at(std::uint32_t shard) { return shards_[shard]; }
  [[nodiscard]] const held_shard& at(std::uint32_t shard) const { return shards_[shard]; }

  void watch(std::uint32_t shard, std::uint64_t) override { shards_[shard].watch(); }
  void unwatch(std::uint32_t shard, std::uint64_t) override { shards_[shard].unwatch(); }
  std::uint64_t changed_bytes(std::uint32_t shard) const override { return shards_[shard].changed_bytes(); }
  std::uint64_t read(std::uint32_t shard, std::uint64_t cursor, std::uint64_t bytes_max, time_point now,
                     sink show) override {
    return shards_[shard].read(cursor, bytes_max, now, [&](const shard_store::entry_view& e) {
      show({the_cache, e.key, e.value, e.version, e.ttl, false, e.is_object});
    });
  }
  bool read_changes(std::uint32_t shard, std::uint64_t bytes_max, time_point now, sink show) override {
    return shards_[shard].read_changes(
        bytes_max, now,
        [&](const shard_store::entry_view& e) {
          show({the_cache, e.key, e.value, e.version, e.ttl, false, e.is_object});
        },
        [&](cache_id, std::string_view key, std::uint64_t version) {
          show({the_cache, key, {}, version, {}, true});
        },
        [&](cache_id, std::uint64_t version) {
          show({the_cache, {}, {}, version, {}, false, false, true});
        });
  }
  bool calm(std::uint32_t shard, std::uint64_t) override { return !work.calm || work.calm(shard); }
  void stir(std::uint32_t shard, std::uint64_t) override {
    if (work.stir) work.stir(shard);
  }
  bool release(std::uint32_t shard, std::uint64_t epoch) override { return shards_[shard].release(epoch); }
  void reopen(std::uint32_t shard, std::uint64_t epoch) override { shards_[shard].reopen(epoch); }
  bool drained(std::uint32_t shard) const override { return shards_[shard].drained(); }
  bool begin_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) override {
    return shards_[shard].begin_join(epoch, pid);
  }
  void confirm_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) override {
    if (shards_[shard].epoch() == epoch) shards_[shard].stream().confirm_join(pid);
  }
  void abandon_join(std::uint32_t shard, std::uint64_t epoch, std::uint64_t pid) override {
    if (shards_[shard].epoch() == epoch) (void)shards_[shard].abandon_join(pid);
  }
  std::uint64_t version(std::uint32_t shard) const override { return shards_[shard].store().version(); }
  std::uint64_t sequence(std::uint32_t shard) const override { return shards_[shard].stream().sequence(); }
  bool begin_copy(std::uint32_t shard, std::uint64_t epoch) override { return shards_[shard].begin_copy(epoch); }
  bool copy(std::uint32_t shard, const copied_entry& e, time_point now) override {
    auto& s = shards_[shard];
    if (e.drop) {
      s.store().drop(0, e.version);
      return true;
    }
    if (!e.erased) return s.copy({0, e.key, e.value, e.version, e.ttl, nullptr, e.object}, now);
    s.copy_erased(0, e.key, e.version);
    return true;
  }
  [[nodiscard]] holdings restored() const override {
    holdings all;
    for (const auto& s : shards_) s.tell_restored(all);
    return all;
  }
  [[nodiscard]] bool settled(std::uint32_t shard) const override {
    return journal_ == nullptr || journal_->settled(shard);
  }
  /// What is done beside the stores (runtime/grains), by shard.
  struct {
    std::function<bool(std::uint32_t)> calm;
    std::function<void(std::uint32_t)> stir;
  } work;
  void set_journal(const shard_journal* journal) noexcept { journal_ = journal; }
  void finish_copy(std::uint32_t shard, std::uint64_t epoch, std::uint64_t version, std::uint64_t sequence) override {
    shards_[shard].finish_copy(epoch, version, sequence);
  }

 private:
  static constexpr std::string_view the_cache = "default";

  const shard_journal* journal_ = nullptr;
  memory_ledger ledger_{memory_max};
  std::vector<held_shard> shards_;
};

}  // namespace troupe::sim
