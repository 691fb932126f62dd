// The cryptography of the link's handshake, by OpenSSL's libcrypto.
#pragma once

#include <string_view>

#include "runtime/link/handshake.hpp"

namespace troupe {

/// HMAC-SHA256 (RFC 2104) of `text` under `key`.
[[nodiscard]] link_mac hmac_sha256(std::string_view key, std::string_view text);

/// Random bytes of the operating system's generator.
[[nodiscard]] link_nonce random_nonce();

}  // namespace troupe
