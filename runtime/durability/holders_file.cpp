#include "runtime/durability/holders_file.hpp"

#include "runtime/base/crc32c.hpp"
#include "runtime/durability/holdings.hpp"

namespace troupe {

namespace {

constexpr std::string_view begins = "troupeDH";
constexpr std::size_t sum_bytes = 4;

}  // namespace

std::string encode_holders(const std::vector<std::uint64_t>& pids) {
  holdings h;
  const auto kept = pids.size() > holder_pids_max ? pids.size() - holder_pids_max : 0;
  h.pids.assign(pids.begin() + static_cast<std::ptrdiff_t>(kept), pids.end());
  std::string file(begins);
  file += encode(h);
  const auto sum = crc32c(file);
  for (unsigned i = 0; i < sum_bytes; ++i) file.push_back(static_cast<char>(sum >> (8U * i) & 0xffU));
  return file;
}

expected<std::vector<std::uint64_t>> decode_holders(std::string_view bytes) {
  if (bytes.empty()) return std::vector<std::uint64_t>();
  const auto corrupt = [] { return fail(errc::corrupt, "the bytes are not as they were written"); };
  if (bytes.size() < begins.size() + sum_bytes || !bytes.starts_with(begins)) return corrupt();
  const auto body = bytes.substr(0, bytes.size() - sum_bytes);
  const auto sum = crc32c(body);
  for (unsigned i = 0; i < sum_bytes; ++i) {
    if (static_cast<unsigned char>(bytes[body.size() + i]) != (sum >> (8U * i) & 0xffU)) return corrupt();
  }
  auto h = decode_holdings(body.substr(begins.size()));
  if (!h) return tl::unexpected<error>(std::move(h.error()));
  return std::move(h->pids);
}

}  // namespace troupe
