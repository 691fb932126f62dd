#include "gateways/resp/command_docs.hpp"

#include <algorithm>

namespace troupe::resp {

const command_doc* find_doc(std::string_view name) noexcept {
  for (const auto part : {docs_of_connection(), docs_of_keys(), docs_of_types()}) {
    const auto at = std::lower_bound(part.begin(), part.end(), name,
                                     [](const command_doc& d, std::string_view wanted) { return d.name < wanted; });
    if (at != part.end() && at->name == name) return &*at;
  }
  return nullptr;
}

}  // namespace troupe::resp
