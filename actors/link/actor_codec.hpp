// The content of an actor message as bytes: element by element, the type by CAF's number or, for
// registered types, by name.
//
//   count u8 | per element: type u16 (0: then the name, u8 length and bytes, and the value's length u32) | value
//
// Actor handles, caf::error, exit and down messages and nested messages are written by this codec,
// because CAF's own format needs its middleman: without it a handle in a message would be taken for
// some other actor of the receiver. Handles inside other types are refused by CAF (no context).
// float, double and long double are refused: CAF's serialiser does not end on an infinity.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>
#include <caf/message.hpp>

#include <troupe/error.hpp>

namespace troupe {

/// Turns handles into bytes and back, as one peer understands them.
class handle_codec {
 public:
  virtual ~handle_codec() = default;
  virtual void write_handle(std::vector<char>& to, const caf::strong_actor_ptr& handle) = 0;
  /// Takes a handle off the front of `from`; false when it is cut short.
  [[nodiscard]] virtual bool read_handle(std::string_view& from, caf::strong_actor_ptr& handle) = 0;
};

inline constexpr std::size_t message_elements_max = 32;
inline constexpr unsigned message_depth_max = 8;  // of messages in messages

/// Appends to `to`. errc::invalid_argument for a content that cannot leave the node; `to` then holds
/// part of it.
[[nodiscard]] expected<void> write_content(std::vector<char>& to, const caf::actor_system& system,
                                           const caf::type_erased_tuple& content, handle_codec& handles);

/// errc::corrupt when the bytes are no content; errc::not_implemented when a type is not registered here or is read
/// otherwise than the sender wrote it, and what else a type's own reading refuses.
[[nodiscard]] expected<caf::message> read_content(std::string_view from, caf::actor_system& system,
                                                  handle_codec& handles);

/// An error as bytes: code u8 | category u64 | length u32 | context.
void write_error(std::vector<char>& to, const caf::error& e);
[[nodiscard]] bool read_error(std::string_view& from, caf::error& e);

}  // namespace troupe
