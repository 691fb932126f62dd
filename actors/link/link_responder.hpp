// The one answer to one request of a peer. Give it now or later, from any thread; a responder that
// ends without an answer says errc::unavailable, so that nobody waits for a forgotten request.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <troupe/error.hpp>

namespace troupe {

class link_peer;

class link_responder {
 public:
  link_responder(std::weak_ptr<link_peer> peer, std::uint64_t id) noexcept : peer_(std::move(peer)), id_(id) {}
  link_responder(link_responder&&) noexcept = default;
  link_responder& operator=(link_responder&&) = delete;
  ~link_responder();

  /// The bytes are copied. Does nothing when the peer is gone or the answer was given.
  void answer(const expected<std::string_view>& a);

 private:
  std::weak_ptr<link_peer> peer_;
  std::uint64_t id_;
};

}  // namespace troupe
