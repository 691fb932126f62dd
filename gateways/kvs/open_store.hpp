// The leader store that a configuration asks for.
#pragma once

#include <memory>

#include <troupe/config.hpp>
#include <troupe/leader_store.hpp>

namespace troupe {

/// Null for kvs.type votes and local_standalone. Nothing is dialled yet. errc::bad_config when the password file
/// cannot be read, errc::not_implemented.
[[nodiscard]] expected<std::shared_ptr<leader_store>> open_leader_store(const config& c);

}  // namespace troupe
