#include "runtime/entities/model.hpp"

#include <algorithm>
#include <array>

namespace troupe {
namespace {

constexpr std::array<std::string_view, 4> kinds{"text", "boolean", "integer", "real"};
constexpr std::array<std::string_view, 8> operators{"eq", "ne", "lt", "le", "gt", "ge", "like", "in"};

}  // namespace

std::string_view name_of(value_kind kind) noexcept { return kinds[static_cast<std::size_t>(kind)]; }
std::string_view name_of(filter_operator op) noexcept { return operators[static_cast<std::size_t>(op)]; }

std::optional<filter_operator> filter_operator_of(std::string_view name) noexcept {
  const auto found = std::find(operators.begin(), operators.end(), name);
  if (found == operators.end()) return std::nullopt;
  return static_cast<filter_operator>(found - operators.begin());
}

std::string operator_set::names() const {
  std::string text;
  for (std::size_t i = 0; i < operators.size(); ++i) {
    if (!has(static_cast<filter_operator>(i))) continue;
    text.append(text.empty() ? "" : ", ").append(operators[i]);
  }
  return text.empty() ? "none" : text;
}

const property_spec* entity_spec::find(std::string_view field) const noexcept {
  const auto found =
      std::find_if(properties.begin(), properties.end(), [&](const property_spec& p) { return p.field == field; });
  return found == properties.end() ? nullptr : &*found;
}

const relation_spec* entity_spec::find_relation(std::string_view path_part) const noexcept {
  for (const auto& r : relations) {
    if (std::find(r.paths.begin(), r.paths.end(), path_part) != r.paths.end()) return &r;
  }
  return nullptr;
}

const entity_spec* entity_model::find(std::string_view path) const noexcept {
  const auto found =
      std::find_if(entities.begin(), entities.end(), [&](const entity_spec& e) { return e.path == path; });
  return found == entities.end() ? nullptr : &*found;
}

}  // namespace troupe
