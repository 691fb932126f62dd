// How a handle looks on the wire: whose it is, and its actor id there.
//
//   owner u8   0 no actor | 1 of the sender | 2 of the receiver | 3 of a third node:
//              incarnation u64 u64, length u8, address
//   actor u64  (not for 0)
#include "actors/link/actor_directory.hpp"
#include "actors/link/actor_session.hpp"
#include "actors/link/remote_actor_proxy.hpp"
#include "runtime/link/wire_bytes.hpp"

namespace troupe {

namespace {

enum class owner : std::uint8_t { none = 0, sender = 1, receiver = 2, third = 3 };

}  // namespace

void actor_session::write_handle(std::vector<char>& to, const caf::strong_actor_ptr& handle) {
  std::string bytes;
  const auto plain = [&](owner o) {
    append_le(bytes, static_cast<std::uint8_t>(o));
    if (o != owner::none) append_le(bytes, std::uint64_t{handle->aid});
  };
  const auto* proxy = handle && handle->nid ? dynamic_cast<const remote_actor_proxy*>(handle->get()) : nullptr;
  if (!handle || (handle->nid && proxy == nullptr)) {
    plain(owner::none);
  } else if (proxy == nullptr) {
    plain(announce(handle) ? owner::sender : owner::none);
  } else if (proxy->session().get() == this) {
    plain(owner::receiver);
  } else {
    const auto node = proxy->session()->target();
    append_le(bytes, static_cast<std::uint8_t>(owner::third));
    append_le(bytes, node.id.high);
    append_le(bytes, node.id.low);
    append_le(bytes, static_cast<std::uint8_t>(node.address.size()));
    bytes.append(node.address, 0, 255);
    append_le(bytes, std::uint64_t{handle->aid});
  }
  to.insert(to.end(), bytes.begin(), bytes.end());
}

bool actor_session::read_handle(std::string_view& from, caf::strong_actor_ptr& handle) {
  wire_reader in(from);
  const auto whose = in.take<std::uint8_t>();
  link_target node;
  if (whose == static_cast<std::uint8_t>(owner::third)) {
    node.id.high = in.take<std::uint64_t>();
    node.id.low = in.take<std::uint64_t>();
    node.address = in.take_bytes(in.take<std::uint8_t>());
  }
  const auto id = whose == 0 ? 0 : in.take<std::uint64_t>();
  if (!in.good() || whose > static_cast<std::uint8_t>(owner::third)) return false;
  from = in.rest();
  handle = nullptr;
  const auto directory = directory_.lock();
  if (!directory) return true;
  switch (static_cast<owner>(whose)) {
    case owner::none: break;
    case owner::sender: handle = proxy_of(id, false); break;
    case owner::receiver: handle = directory->local(id); break;
    case owner::third:
      handle = node.id == directory->self() ? directory->local(id) : directory->foreign(node, id);
      break;
  }
  return true;
}

}  // namespace troupe
