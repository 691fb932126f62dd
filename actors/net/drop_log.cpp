#include "actors/net/drop_log.hpp"

namespace troupe {

namespace {

std::string_view words_for(packet_drop why) noexcept {
  switch (why) {
    case packet_drop::plain: return "it is not encrypted, and this cluster has a secret";
    case packet_drop::sealed: return "it is encrypted, and this node has no secret";
    case packet_drop::unknown_key: return "it is under a key that the key ring does not hold: another secret";
    case packet_drop::truncated: return "it is too short";
    case packet_drop::version: return "it is of another version";
    case packet_drop::forged: return "it fails its authentication";
    case packet_drop::replayed: return "it was seen before";
  }
  return "";
}

}  // namespace

bool drop_log::note(const std::string& from, packet_drop why, time_point now) {
  const bool first = last_line_ == time_point{};
  if (!first && now < last_line_ + line_interval) return false;
  const auto host = from.substr(0, from.rfind(':'));
  const auto known = told_.find(host);
  if (known != told_.end() && now < known->second + source_interval) return false;
  if (known == told_.end() && told_.size() >= sources_max) {
    std::erase_if(told_, [now](const auto& row) { return row.second + source_interval <= now; });
    if (told_.size() >= sources_max) return false;
  }
  told_[host] = last_line_ = now;
  log_.warn("gossip", "datagram_dropped", {{"from", from}, {"reason", name_of(why)}, {"words", words_for(why)}});
  return true;
}

}  // namespace troupe
