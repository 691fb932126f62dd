#include "actors/keyring/ring_keeper.hpp"

#include <utility>

#include "actors/disk/durable_file.hpp"

namespace troupe {

namespace {

std::vector<std::string> link_secrets_of(const key_ring& ring, const std::string& cluster) {
  std::vector<std::string> secrets;
  for (const auto& k : ring.keys()) {
    const auto made = derive(k, "troupe link secret", cluster);
    secrets.emplace_back(made.bytes.data(), made.bytes.size());
  }
  return secrets;
}

// The ring that a node starts with; `on_disk` may be empty.
expected<key_ring> ring_at_start(std::string_view on_disk, const ring_key& of_secret, event_log& log) {
  key_ring fresh(of_secret);
  fresh.made_from = fresh.fingerprints().front();
  if (on_disk.empty()) {
    log.info("keyring", "keyring_made", {{"primary", fresh.made_from}});
    return fresh;
  }
  auto ring = key_ring::decode(on_disk);
  if (!ring) return ring;
  if (ring->holds(fresh.made_from) || ring->made_from == fresh.made_from) return ring;
  log.warn("keyring", "keyring_made_anew",
           {{"primary", fresh.made_from},
            {"was", ring->fingerprints().front()},
            {"reason", "cluster.secret_file was changed to a secret that the ring does not hold"}});
  return fresh;
}

}  // namespace

expected<std::shared_ptr<ring_keeper>> ring_keeper::open(std::string cluster, std::string_view secret,
                                                         const std::string& data_dir, event_log& log) {
  const std::string path = data_dir + "/" + std::string(file_name);
  auto on_disk = read_whole(path, key_ring::text_bytes_max);
  if (!on_disk && on_disk.error().code != errc::not_found) return tl::unexpected(on_disk.error());
  auto ring = ring_at_start(on_disk.value_or(""), ring_key_of_secret(secret, cluster), log);
  if (!ring) return fail(errc::corrupt, path + ": " + ring.error().context);
  const auto text = ring->encode();
  if (text != on_disk.value_or("")) {
    if (auto written = write_durably(path, text); !written) return tl::unexpected(written.error());
  }
  return std::shared_ptr<ring_keeper>(new ring_keeper(std::move(cluster), path, std::move(*ring)));
}

std::shared_ptr<ring_keeper> ring_keeper::in_memory(std::string cluster, std::string_view secret) {
  key_ring ring(ring_key_of_secret(secret, cluster));
  return std::shared_ptr<ring_keeper>(new ring_keeper(std::move(cluster), {}, std::move(ring)));
}

ring_keeper::ring_keeper(std::string cluster, std::string path, key_ring ring)
    : cluster_(std::move(cluster)),
      path_(std::move(path)),
      ring_(std::move(ring)),
      link_secrets_(link_secrets_of(ring_, cluster_)),
      seal_(std::make_shared<packet_seal>(cluster_, ring_)) {}

key_ring ring_keeper::ring() const {
  const std::lock_guard lock(mutex_);
  return ring_;
}

std::vector<std::string> ring_keeper::link_secrets() const {
  const std::lock_guard lock(mutex_);
  return link_secrets_;
}

void ring_keeper::change(const std::function<expected<void>(key_ring&)>& alter, disk_writer& disk,
                         std::function<void(expected<void>)> done) {
  std::unique_lock lock(mutex_);
  if (writing_) {
    lock.unlock();
    return done(fail(errc::unavailable, "another change of the key ring is being written"));
  }
  key_ring next = ring_;
  auto altered = alter(next);
  writing_ = altered.has_value() && !(next == ring_);
  const bool write = writing_;
  lock.unlock();
  if (!write) return done(std::move(altered));
  auto text = next.encode();
  disk.write(
      path_, std::move(text),
      [self = shared_from_this(), next = std::move(next), done = std::move(done)](const expected<void>& written) {
        if (written) self->adopt(next);
        {
          const std::lock_guard held(self->mutex_);
          self->writing_ = false;
        }
        done(written);
      });
}

void ring_keeper::adopt(key_ring next) {
  seal_->set_ring(next);
  auto secrets = link_secrets_of(next, cluster_);
  const std::lock_guard lock(mutex_);
  ring_ = std::move(next);
  link_secrets_ = std::move(secrets);
}

}  // namespace troupe
