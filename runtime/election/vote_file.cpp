#include "runtime/election/vote_file.hpp"

#include "runtime/base/crc32c.hpp"
#include "troupe/wire/record.pb.h"

namespace troupe {
namespace {

constexpr std::string_view magic = "TRPVOTE1";
constexpr std::size_t header_bytes = 8 + 4 + 4;  // magic, checksum, length

void put_u32(std::uint32_t value, std::string& out) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((value >> shift) & 0xffU));
}

std::uint32_t get_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return value;
}

void put(const incarnation_id& id, wire::IncarnationId& out) {
  out.set_high(id.high);
  out.set_low(id.low);
}

incarnation_id get(const wire::IncarnationId& in) { return {in.high(), in.low()}; }

}  // namespace

std::string encode(const vote_file& file) {
  wire::VoteFile out;
  put(file.voter, *out.mutable_voter());
  out.set_promised(file.promised);
  out.set_holder_name(file.holder.name);
  put(file.holder.id, *out.mutable_holder_incarnation());
  if (file.accepted) to_wire(*file.accepted, *out.mutable_accepted());
  out.set_committed(file.committed);
  out.set_founding(file.founding);
  put(file.founder, *out.mutable_founder());
  const std::string body = out.SerializeAsString();
  std::string bytes(magic);
  put_u32(crc32c(body), bytes);
  put_u32(static_cast<std::uint32_t>(body.size()), bytes);
  return bytes + body;
}

expected<vote_file> decode_vote_file(std::string_view bytes) {
  if (bytes.size() < header_bytes || bytes.substr(0, magic.size()) != magic) {
    return fail(errc::corrupt, "vote file: not a vote file");
  }
  const auto body = bytes.substr(header_bytes);
  if (get_u32(bytes.substr(12)) != body.size() || get_u32(bytes.substr(8)) != crc32c(body)) {
    return fail(errc::corrupt, "vote file: checksum or length does not match");
  }
  wire::VoteFile in;
  if (!in.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return fail(errc::corrupt, "vote file: not decodable");
  }
  vote_file file;
  file.voter = get(in.voter());
  file.promised = in.promised();
  file.holder = {in.holder_name(), get(in.holder_incarnation())};
  file.committed = in.committed();
  file.founding = in.founding();
  file.founder = get(in.founder());
  if (file.voter.empty() || file.promised >= term_max) return fail(errc::corrupt, "vote file: fields out of range");
  if (in.has_accepted()) {
    auto record = from_wire(in.accepted());
    if (!record) return tl::unexpected(record.error());
    if (record->at.term > file.promised) return fail(errc::corrupt, "vote file: a record above the promise");
    file.accepted = std::make_shared<const cluster_record>(std::move(*record));
  }
  return file;
}

expected<vote_file> open_vote_file(std::string_view bytes, const voter_id& fresh) {
  if (!bytes.empty()) return decode_vote_file(bytes);
  vote_file file;
  file.voter = fresh;
  return file;
}

}  // namespace troupe
