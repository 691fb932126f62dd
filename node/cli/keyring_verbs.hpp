// `troupe keyring list|install|use|remove`: the key ring of a whole cluster, through one of its nodes.
#pragma once

#include <string>

#include "node/cli/remote_verbs.hpp"

namespace troupe::cli {

/// Each prints its answer and returns the exit code: 1 when any member has not done it.
[[nodiscard]] int list_keyring(const remote_options& o);
/// `key` is the base64 of 32 bytes.
[[nodiscard]] int install_key(const remote_options& o, const std::string& key);
/// `key` may be a fingerprint too.
[[nodiscard]] int use_key(const remote_options& o, const std::string& key);
[[nodiscard]] int remove_key(const remote_options& o, const std::string& key);

}  // namespace troupe::cli
