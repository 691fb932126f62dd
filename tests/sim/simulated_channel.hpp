// The way of replicated writes in a simulated node: gathered by member while an event is handled, then sent as one
// batch each, as actors/cache does on the link.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "runtime/replication/stream_message.hpp"

namespace troupe::sim {

class simulated_channel final : public replica_channel {
 public:
  bool append(std::uint64_t pid, const stream_position& at, std::span<const stream_entry> write) override {
    auto place = at;
    for (const auto& e : write) {
      writer_of(pid).append(place, {"default", e});
      ++place.after;
    }
    return true;
  }
  void ask(std::uint64_t pid, const stream_position& at) override { writer_of(pid).ask(at); }

  void set_sender(std::uint64_t pid) noexcept { sender_ = pid; }
  [[nodiscard]] std::map<std::uint64_t, std::string> take() {
    std::map<std::uint64_t, std::string> all;
    for (auto& [pid, w] : writers_) all[pid] = std::move(w).finish();
    writers_.clear();
    return all;
  }

 private:
  batch_writer& writer_of(std::uint64_t pid) { return writers_.try_emplace(pid, sender_).first->second; }

  std::uint64_t sender_ = 0;
  std::map<std::uint64_t, batch_writer> writers_;
};

}  // namespace troupe::sim
