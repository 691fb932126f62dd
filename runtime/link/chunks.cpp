#include "runtime/link/chunks.hpp"

#include "runtime/link/wire_bytes.hpp"

namespace troupe {

void append_chunk_head(std::string& to, const chunk_head& head) {
  append_le(to, head.id);
  append_le(to, static_cast<std::uint8_t>(head.type));
  append_le(to, head.total);
  append_le(to, head.offset);
}

expected<reassembler::stream*> reassembler::open(const chunk_head& head) {
  if (streams_.contains(head.id)) return fail(errc::corrupt, "a chunked message began twice");
  if (head.total > limits_.message_max)
    return fail(errc::too_large, "chunked message of " + std::to_string(head.total) + " bytes, " +
                                     std::to_string(limits_.message_max) + " are allowed");
  if (streams_.size() >= limits_.streams_max || head.total > limits_.bytes_max - announced_)
    return fail(errc::too_large, "too many chunked messages at once");
  announced_ += head.total;
  auto& s = streams_[head.id];
  s.type = head.type;
  s.total = head.total;
  s.bytes.reserve(head.total);
  return &s;
}

expected<std::optional<reassembler::whole>> reassembler::on_chunk(std::string_view payload) {
  wire_reader in(payload);
  chunk_head head;
  head.id = in.take<std::uint32_t>();
  const auto type = in.take<std::uint8_t>();
  head.total = in.take<std::uint64_t>();
  head.offset = in.take<std::uint64_t>();
  const auto bytes = in.rest();
  if (!in.good() || bytes.empty()) return fail(errc::corrupt, "chunk cut short");
  head.type = static_cast<frame_type>(type);
  if (!is_frame_type(type) || !may_be_chunked(head.type)) return fail(errc::corrupt, "chunk of an unknown type");

  stream* s = nullptr;
  if (head.offset == 0) {
    const auto opened = open(head);
    if (!opened) return tl::unexpected<error>(opened.error());
    s = *opened;
  } else if (const auto found = streams_.find(head.id); found != streams_.end()) {
    s = &found->second;
  }
  if (s == nullptr || s->type != head.type || s->total != head.total || s->bytes.size() != head.offset ||
      bytes.size() > s->total - s->bytes.size())
    return fail(errc::corrupt, "chunk does not continue its message");
  s->bytes.append(bytes);
  if (s->bytes.size() < s->total) return std::nullopt;
  whole done{s->type, std::move(s->bytes)};
  announced_ -= head.total;
  streams_.erase(head.id);
  return done;
}

}  // namespace troupe
