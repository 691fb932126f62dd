// A field with its value, or a member of a set, in one allocation.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

#include "runtime/cache/values/footprint.hpp"

namespace troupe {

struct member_node {
  std::uint32_t position;
  std::uint32_t name_size;
  std::uint32_t value_size;

  [[nodiscard]] const char* text() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  [[nodiscard]] char* text() noexcept { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] std::string_view name() const noexcept { return {text(), name_size}; }
  [[nodiscard]] std::string_view value() const noexcept { return {text() + name_size, value_size}; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return footprint_of(sizeof *this + name_size + value_size); }

  [[nodiscard]] static member_node* make(std::uint32_t position, std::string_view name, std::string_view value) {
    auto* n = static_cast<member_node*>(std::malloc(sizeof(member_node) + name.size() + value.size()));
    if (n == nullptr) throw std::bad_alloc();
    n->position = position;
    n->name_size = static_cast<std::uint32_t>(name.size());
    n->value_size = static_cast<std::uint32_t>(value.size());
    if (!name.empty()) std::memcpy(n->text(), name.data(), name.size());
    if (!value.empty()) std::memcpy(n->text() + name.size(), value.data(), value.size());
    return n;
  }
  static void free(member_node* n) noexcept { std::free(n); }
};

}  // namespace troupe
