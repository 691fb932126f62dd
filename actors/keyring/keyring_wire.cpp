#include "actors/keyring/keyring_wire.hpp"

#include <algorithm>

#include <troupe/wire/keyring.pb.h>

#include "actors/net/key_ring.hpp"

namespace troupe {

namespace {

constexpr std::size_t words_max = 512;

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

std::string encode(const keyring_request& r) {
  wire::KeyringRequest w;
  w.set_verb(static_cast<wire::KeyringVerb>(r.what));
  w.set_edition(r.edition);
  if (r.what == keyring_request::verb::install) w.set_key(r.key.bytes.data(), r.key.bytes.size());
  w.set_fingerprint(r.fingerprint);
  return w.SerializeAsString();
}

std::string encode(const keyring_answer& a) {
  wire::KeyringAnswer w;
  w.set_code(static_cast<std::uint32_t>(a.code));
  w.set_words(a.words);
  w.set_edition(a.edition);
  for (const auto& print : a.fingerprints) w.add_fingerprints(print);
  w.set_ring(a.ring);
  return w.SerializeAsString();
}

expected<keyring_request> decode_keyring_request(std::string_view bytes) {
  wire::KeyringRequest w;
  const auto wrong = fail(errc::corrupt, "a request of the key ring that makes no sense");
  if (!w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return wrong;
  if (!wire::KeyringVerb_IsValid(w.verb())) return wrong;
  keyring_request r;
  r.what = static_cast<keyring_request::verb>(w.verb());
  r.edition = w.edition();
  if (r.what == keyring_request::verb::install) {
    if (w.key().size() != ring_key_size) return wrong;
    std::copy(w.key().begin(), w.key().end(), r.key.bytes.begin());
  }
  if (r.what == keyring_request::verb::use || r.what == keyring_request::verb::remove) {
    if (!is_fingerprint(w.fingerprint())) return wrong;
    r.fingerprint = w.fingerprint();
  }
  return r;
}

expected<keyring_answer> decode_keyring_answer(std::string_view bytes) {
  wire::KeyringAnswer w;
  const auto wrong = fail(errc::corrupt, "an answer of the key ring that makes no sense");
  if (!w.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return wrong;
  if (w.code() > static_cast<std::uint32_t>(errc_last) || w.ring().size() > key_ring::text_bytes_max) {
    return wrong;
  }
  if (w.fingerprints_size() < 1 || static_cast<std::size_t>(w.fingerprints_size()) > key_ring::keys_max) return wrong;
  keyring_answer a;
  a.code = static_cast<errc>(w.code());
  a.words = w.words().substr(0, words_max);
  std::replace_if(a.words.begin(), a.words.end(), is_control, '?');
  a.edition = w.edition();
  for (const auto& print : w.fingerprints()) {
    if (!is_fingerprint(print)) return wrong;
    a.fingerprints.push_back(print);
  }
  a.ring = w.ring();
  return a;
}

}  // namespace troupe
