#include "actors/net/ring_key.hpp"

#include <algorithm>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "actors/net/base64.hpp"
#include "runtime/base/check.hpp"

namespace troupe {

namespace {

// RFC 5869 with the whole of `secret` as its input. Fails only when OpenSSL itself does.
ring_key hkdf(std::string_view secret, std::string_view info) {
  const std::unique_ptr<EVP_KDF, void (*)(EVP_KDF*)> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr), &EVP_KDF_free);
  TROUPE_CHECK(kdf != nullptr);
  const std::unique_ptr<EVP_KDF_CTX, void (*)(EVP_KDF_CTX*)> context(EVP_KDF_CTX_new(kdf.get()), &EVP_KDF_CTX_free);
  TROUPE_CHECK(context != nullptr);
  static constexpr char salt[] = "troupe";
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<char*>(secret.data()), secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, const_cast<char*>(salt), sizeof salt - 1),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<char*>(info.data()), info.size()),
      OSSL_PARAM_construct_end()};
  ring_key made;
  TROUPE_CHECK(EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(made.bytes.data()), made.bytes.size(),
                              parameters) == 1);
  return made;
}

}  // namespace

expected<ring_key> parse_ring_key(std::string_view base64) {
  const auto bytes = from_base64(base64);
  if (!bytes || bytes->size() != ring_key_size)
    return fail(errc::invalid_argument, "a key is the base64 of 32 bytes, e.g. of: openssl rand -base64 32");
  ring_key k;
  std::copy(bytes->begin(), bytes->end(), k.bytes.begin());
  return k;
}

std::string to_base64(const ring_key& k) { return to_base64(std::string_view(k.bytes.data(), k.bytes.size())); }

ring_key ring_key_of_secret(std::string_view secret, std::string_view cluster) {
  if (const auto given = parse_ring_key(secret)) return *given;
  return hkdf(secret, "troupe ring key of a secret|" + std::string(cluster));
}

std::string fingerprint_of(const ring_key& k) {
  constexpr char digits[] = "0123456789abcdef";
  const auto print = hkdf({k.bytes.data(), k.bytes.size()}, "troupe fingerprint");
  std::string text;
  for (std::size_t i = 0; i < fingerprint_size / 2; ++i) {
    const auto byte = static_cast<unsigned char>(print.bytes[i]);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

bool is_fingerprint(std::string_view text) noexcept {
  return text.size() == fingerprint_size && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

ring_key derive(const ring_key& k, std::string_view label, std::string_view cluster) {
  return hkdf({k.bytes.data(), k.bytes.size()}, std::string(label) + "|" + std::string(cluster));
}

}  // namespace troupe
