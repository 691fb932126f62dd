// The messages of the key ring between members and their bytes (troupe/wire/keyring.proto).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/error.hpp>

#include "actors/net/ring_key.hpp"

namespace troupe {

struct keyring_request {
  enum class verb : std::uint8_t { list = 0, fetch = 1, install = 2, use = 3, remove = 4 };
  verb what = verb::list;
  std::uint64_t edition = 0;
  ring_key key{};           // install
  std::string fingerprint;  // use, remove
};

struct keyring_answer {
  errc code = errc::ok;
  std::string words;
  std::uint64_t edition = 0;
  std::vector<std::string> fingerprints;  // the primary first
  std::string ring;                       // fetch
};

[[nodiscard]] std::string encode(const keyring_request& r);
[[nodiscard]] std::string encode(const keyring_answer& a);
/// errc::corrupt for what is malformed or breaks a limit.
[[nodiscard]] expected<keyring_request> decode_keyring_request(std::string_view bytes);
[[nodiscard]] expected<keyring_answer> decode_keyring_answer(std::string_view bytes);

}  // namespace troupe
