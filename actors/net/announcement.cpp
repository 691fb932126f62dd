#include "actors/net/announcement.hpp"

#include <troupe/wire/announcement.pb.h>

#include "actors/net/seed_spec.hpp"

namespace troupe {

namespace {

constexpr std::size_t text_max = 256;

}  // namespace

std::string encode(const announcement& a) {
  wire::Announcement w;
  w.set_cluster(a.cluster);
  w.set_address(a.address);
  w.mutable_id()->set_high(a.id.high);
  w.mutable_id()->set_low(a.id.low);
  w.set_searching(a.searching);
  return w.SerializeAsString();
}

expected<announcement> decode_announcement(std::string_view bytes) {
  wire::Announcement w;
  const auto wrong = fail(errc::corrupt, "an announcement that makes no sense");
  if (bytes.size() > announcement::bytes_max) return wrong;
  if (!w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return wrong;
  announcement a{w.cluster(), w.address(), {w.id().high(), w.id().low()}, w.searching()};
  if (a.cluster.empty() || a.cluster.size() > text_max || a.address.size() > text_max || a.id.empty()) return wrong;
  const auto seed = parse_seed(a.address);
  if (!seed || seed->what != seed_spec::kind::address) return wrong;
  a.address = address_text(seed->host, seed->port);
  return a;
}

}  // namespace troupe
