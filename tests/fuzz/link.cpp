// Fuzz entry: the bytes of a connection. The first byte chooses: frames that come in pieces, chunks of larger messages,
// or the frames of a handshake, at either end. What passes keeps the limits; nobody without the secret is let in.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/link/chunks.hpp"
#include "runtime/link/handshake.hpp"

namespace {

using namespace troupe;

/// Frames are handed to `take` until it, or a header, ends the connection.
template <class Take>
void read_frames(std::string_view bytes, std::size_t piece, Take take) {
  frame_reader reader(handshake_frame_max);
  while (!bytes.empty()) {
    const auto space = reader.space();
    TROUPE_CHECK(!space.empty());
    const auto size = std::min({space.size(), bytes.size(), piece});
    std::copy_n(bytes.begin(), size, space.begin());
    reader.commit(size);
    bytes.remove_prefix(size);
    for (;;) {
      const auto f = reader.next();
      if (!f) return;
      if (!*f) break;
      TROUPE_CHECK((*f)->payload.size() <= handshake_frame_max && is_frame_type(static_cast<std::uint8_t>((*f)->type)));
      if (!take(**f)) return;
    }
  }
  TROUPE_CHECK(reader.capacity() <= 64U * handshake_frame_max);
}

void read_chunks(std::string_view bytes) {
  const reassembly_limits limits{4096, 3, 8192};
  reassembler parts(limits);
  read_frames(bytes, bytes.size(), [&](const frame& f) {
    if (f.type != frame_type::chunk) return true;
    const auto whole = parts.on_chunk(f.payload);
    TROUPE_CHECK(parts.streams() <= limits.streams_max && parts.bytes() <= limits.bytes_max);
    if (!whole) return false;
    if (*whole) TROUPE_CHECK((*whole)->payload.size() <= limits.message_max && may_be_chunked((*whole)->type));
    return true;
  });
}

/// Stands for all macs: an end that has not sent it has proven nothing.
constexpr std::string_view the_mac = "only who knows the secret has it";
link_mac mac_of(std::string_view, std::string_view) {
  link_mac mac;
  std::copy_n(the_mac.begin(), mac.size(), mac.begin());
  return mac;
}

void shake_hands(std::string_view bytes, bool dials) {
  handshake_settings s;
  s.self = {"a", {1, 1}, "a:7070"};
  s.cluster = "test";
  s.secrets = {"first", "second"};
  link_nonce nonce;
  nonce.fill('n');
  auto h = dials ? handshake::dial(s, nonce, mac_of) : handshake::accept(s, nonce, mac_of);
  if (dials) (void)h.start();
  using stage = handshake::stage;
  read_frames(bytes, bytes.size(), [&](const frame& f) {
    const auto answer = h.on_frame(f.type, f.payload);
    TROUPE_CHECK(answer.size() <= frame_header_size + handshake_frame_max);
    const bool in = h.at() == stage::proven || h.at() == stage::welcomed || h.at() == stage::established;
    TROUPE_CHECK(!in || h.peer_is_proven());
    TROUPE_CHECK(!h.peer_is_proven() || bytes.find(the_mac) != bytes.npos);
    if (h.at() == stage::proven) (void)h.admit();
    if (h.at() == stage::welcomed) (void)h.confirm();
    return h.at() != stage::refused;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: read_frames(bytes, 1 + data[0] / 4U, [](const frame&) { return true; }); break;
    case 1: read_chunks(bytes); break;
    case 2: shake_hands(bytes, true); break;
    default: shake_hands(bytes, false); break;
  }
  return 0;
}
