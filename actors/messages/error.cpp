#include "actors/messages/error.hpp"

#include <caf/atom.hpp>
#include <caf/make_message.hpp>
#include <caf/sec.hpp>

#include <troupe/caf_protobuf.hpp>

#include "runtime/base/error.hpp"

namespace troupe {

namespace {

constexpr auto category = caf::atom("troupe");

std::string context_of(const caf::error& e) {
  if (!e || e.context().empty()) return {};
  if (e.context().match_elements<std::string>()) return e.context().get_as<std::string>(0);
  return caf::to_string(e.context());
}

bool is_code(std::uint8_t code) noexcept { return code <= static_cast<std::uint8_t>(errc_last); }

}  // namespace

caf::error make_error(errc code) { return {static_cast<std::uint8_t>(code), category}; }

caf::error to_caf(const error& e) {
  if (e.context.empty()) return make_error(e.code);
  return {static_cast<std::uint8_t>(e.code), category, caf::make_message(e.context)};
}

bool is_ours(const caf::error& e) noexcept { return e && e.category() == category && is_code(e.code()); }

error from_caf(const caf::error& e) {
  if (!e) return {errc::ok, {}};
  if (is_ours(e)) return {static_cast<errc>(e.code()), context_of(e)};
  const bool timeout = e == caf::sec::request_timeout;
  return {timeout ? errc::outcome_unknown : errc::unavailable, caf::to_string(e)};
}

caf::error unknown_version(const std::string& type, std::uint32_t got, std::uint32_t known) {
  return to_caf({errc::not_implemented,
                 type + " came in version " + std::to_string(got) + ", this node knows " + std::to_string(known)});
}

caf::error unreadable_message(const std::string& type) {
  return to_caf({errc::invalid_argument, "bytes that are no " + type});
}

void add_error_category(caf::actor_system_config& c) {
  c.add_error_category(category, [](std::uint8_t code, caf::atom_value, const caf::message& context) {
    std::string text(is_code(code) ? name_of(static_cast<errc>(code)) : "unknown");
    if (!context.empty()) text += caf::to_string(context);
    return text;
  });
}

}  // namespace troupe
