#include "actors/link/hmac.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "runtime/base/check.hpp"

namespace troupe {

link_mac hmac_sha256(std::string_view key, std::string_view text) {
  link_mac mac{};
  unsigned size = 0;
  const auto* done = HMAC(EVP_sha256(), key.empty() ? "" : key.data(), static_cast<int>(key.size()),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                          reinterpret_cast<unsigned char*>(mac.data()), &size);
  TROUPE_CHECK(done != nullptr && size == mac.size());
  return mac;
}

link_nonce random_nonce() {
  link_nonce nonce{};
  TROUPE_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(nonce.data()), static_cast<int>(nonce.size())) == 1);
  return nonce;
}

}  // namespace troupe
