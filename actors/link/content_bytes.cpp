#include "actors/link/content_bytes.hpp"

#include <vector>

#include "actors/link/actor_codec.hpp"

namespace troupe {

namespace {

class no_handles final : public handle_codec {
 public:
  void write_handle(std::vector<char>&, const caf::strong_actor_ptr&) override { met = true; }
  bool read_handle(std::string_view&, caf::strong_actor_ptr&) override { return false; }

  bool met = false;
};

}  // namespace

expected<std::string> content_bytes(const caf::message& content, const caf::actor_system& system) {
  if (content.empty()) return fail(errc::invalid_argument, "an empty message");
  no_handles handles;
  std::vector<char> bytes;
  if (auto written = write_content(bytes, system, content.content(), handles); !written)
    return tl::unexpected<error>(written.error());
  if (handles.met) return fail(errc::invalid_argument, "a message with an actor handle");
  return std::string(bytes.data(), bytes.size());
}

expected<caf::message> content_of(std::string_view bytes, caf::actor_system& system) {
  no_handles handles;
  return read_content(bytes, system, handles);
}

}  // namespace troupe
