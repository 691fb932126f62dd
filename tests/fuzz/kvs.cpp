// What arrives for the key-value service: messages at a member, and the bytes of its file.
//
// The first byte chooses: even, the rest is a message from member b to a machine in the middle of its life; odd, it
// is a file.
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/base/check.hpp"
#include "runtime/kvs/kvs_machine.hpp"

namespace {

using namespace troupe;

constexpr time_point now{};

kvs_image member_image() {
  kvs_image image;
  image.meta.disk = {1, 1};
  image.meta.roster = founding_of({{"a", {1, 1}}, {"b", {2, 2}}, {"c", {3, 3}}});
  image.meta.founded = true;
  kvs_cell cell;
  cell.promised = cell.accepted = first_ballot_of(1) + 1;
  cell.value.version = cell.accepted;
  cell.value.present = true;
  image.cells["k"] = cell;
  return image;
}

void to_a_member(std::string_view bytes) {
  kvs_options o;
  o.self = "a";
  o.id = {9, 9};
  o.runs = true;
  o.expected = 3;
  kvs_machine machine(o, member_image(), troupe::random(1), now);
  kvs_output out;
  machine.on_peers({{"b", true}, {"c", true}}, now, out);
  machine.on_tick(now, out);
  kvs_request r;
  r.id = 1;
  r.key = "k";
  r.deadline = now + std::chrono::seconds(1);
  machine.on_request(r, now, out);
  machine.on_message("b", bytes, now, out);
  machine.on_message("b", bytes, now, out);
  machine.on_tick(now + std::chrono::seconds(2), out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    if (const auto m = decode_kvs_message(bytes)) TROUPE_CHECK(decode_kvs_message(encode(*m)).has_value());
    to_a_member(bytes);
  } else if (const auto image = read_kvs_journal(bytes)) {
    kvs_acceptor cells(*image, 1U << 20U, now);
    if (image->meta.disk.empty()) return 0;
    const auto write = cells.take_write();
    TROUPE_CHECK(!write || read_kvs_journal(write->bytes).has_value());
  }
  return 0;
}
