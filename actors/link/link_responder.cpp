#include "actors/link/link_responder.hpp"

#include "actors/link/link_peer.hpp"

namespace troupe {

link_responder::~link_responder() { answer(fail(errc::unavailable, "the request was dropped unanswered")); }

void link_responder::answer(const expected<std::string_view>& a) {
  if (const auto peer = peer_.lock()) peer->reply(id_, a);
  peer_.reset();
}

}  // namespace troupe
