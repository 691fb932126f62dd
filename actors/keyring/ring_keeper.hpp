// The key ring of this node: what it is now, where it is kept, and who seals with it.
//
// It lives in the file `keyring` of the data directory (0600) and is made from the secret file when
// there is none. Afterwards the ring goes its own way; a secret file whose key is not in the ring makes
// a new ring only when that file was changed since, which is how a node is brought to another cluster's
// secret. A change is on disk before it is used. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "actors/disk/disk_writer.hpp"
#include "actors/log.hpp"
#include "actors/net/key_ring.hpp"
#include "actors/net/packet_seal.hpp"

namespace troupe {

class ring_keeper : public std::enable_shared_from_this<ring_keeper> {
 public:
  static constexpr std::string_view file_name = "keyring";

  /// `secret` is the content of the secret file. Blocks on the disk. errc::corrupt when the file is
  /// damaged, errc::storage_failed.
  [[nodiscard]] static expected<std::shared_ptr<ring_keeper>> open(std::string cluster, std::string_view secret,
                                                                   const std::string& data_dir, event_log& log);

  /// The ring of the secret alone, on no disk: for who never calls change().
  [[nodiscard]] static std::shared_ptr<ring_keeper> in_memory(std::string cluster, std::string_view secret);

  [[nodiscard]] const std::shared_ptr<packet_seal>& seal() const noexcept { return seal_; }
  [[nodiscard]] key_ring ring() const;
  /// For the link's handshake, derived from the keys; the primary's first.
  [[nodiscard]] std::vector<std::string> link_secrets() const;

  /// What `alter` makes of the ring is written, then used. `done` runs once, here or on the disk's
  /// thread. errc::unavailable while another change is written, errc::storage_failed, or what alter says (it runs under
  /// the keeper's lock)
  void change(const std::function<expected<void>(key_ring&)>& alter, disk_writer& disk,
              std::function<void(expected<void>)> done);

 private:
  ring_keeper(std::string cluster, std::string path, key_ring ring);
  void adopt(key_ring next);

  const std::string cluster_;
  const std::string path_;
  mutable std::mutex mutex_;
  key_ring ring_;
  std::vector<std::string> link_secrets_;
  bool writing_ = false;
  std::shared_ptr<packet_seal> seal_;
};

}  // namespace troupe
