// Generated protobuf types as actor messages: one line for all of them.
//
//   options.configure = [](caf::actor_system_config& c) { troupe::add_protobuf<bank::Transfer, bank::Receipt>(c); };
//
// From then on they are sent, requested and answered with as any other message type. On the wire a message is its
// protobuf bytes under its full name, so fields may be added as protobuf allows; raise message_version when an older
// receiver would misread the meaning. A node that does not know a type, or not that version of it, answers with
// errc::not_implemented; bytes that are no such message get errc::invalid_argument.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <caf/actor_system_config.hpp>
#include <caf/detail/stringification_inspector.hpp>
#include <caf/error.hpp>

#include <troupe/caf.hpp>

namespace troupe {

/// What the generator makes, with the full or the lite runtime.
template <class T>
concept protobuf_message = std::is_default_constructible_v<T> && requires(T m, const T& c, const std::string& bytes) {
  { c.GetTypeName() } -> std::convertible_to<std::string>;
  { c.SerializePartialAsString() } -> std::same_as<std::string>;
  { m.ParsePartialFromString(bytes) } -> std::same_as<bool>;
  { c.ByteSizeLong() } -> std::convertible_to<std::size_t>;
};

/// The version of a type that this program speaks; it reads this one and all before. Specialise it to raise it.
template <protobuf_message T>
inline constexpr std::uint32_t message_version = 1;

/// Registers the types under their full protobuf names.
template <protobuf_message... Ts>
caf::actor_system_config& add_protobuf(caf::actor_system_config& c) {
  (c.add_message_type<Ts>(Ts().GetTypeName()), ...);
  return c;
}

/// Of caf_protobuf.hpp itself.
[[nodiscard]] caf::error unknown_version(const std::string& type, std::uint32_t got, std::uint32_t known);
[[nodiscard]] caf::error unreadable_message(const std::string& type);

}  // namespace troupe

namespace caf {

// Found by CAF because its inspectors live in these namespaces.
template <class Inspector, troupe::protobuf_message T>
error inspect(Inspector& f, T& x) {
  if constexpr (Inspector::reads_state) {
    auto version = troupe::message_version<T>;
    auto bytes = x.SerializePartialAsString();
    return f(version, bytes);
  } else {
    std::uint32_t version = 0;
    std::string bytes;
    if (auto fault = f(version)) return fault;
    if (version == 0 || version > troupe::message_version<T>)
      return troupe::unknown_version(x.GetTypeName(), version, troupe::message_version<T>);
    if (auto fault = f(bytes)) return fault;
    if (!x.ParsePartialFromString(bytes)) return troupe::unreadable_message(x.GetTypeName());
    return none;
  }
}

namespace detail {

/// For logs: its name and size.
template <troupe::protobuf_message T>
void inspect(stringification_inspector& f, T& x) {
  f(x.GetTypeName(), static_cast<std::uint64_t>(x.ByteSizeLong()));
}

}  // namespace detail
}  // namespace caf
