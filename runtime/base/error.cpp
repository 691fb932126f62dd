#include "runtime/base/error.hpp"

#include <array>

#include "runtime/base/check.hpp"

namespace troupe {

namespace {

constexpr std::array<error_face, static_cast<std::size_t>(errc_last) + 1> faces{{
    {"ok", "done", 200, "OK"},
    {"invalid_argument", "the request is malformed", 400, "ERR"},
    {"bad_config", "the configuration is refused", 500, "ERR"},
    {"not_found", "there is no such thing", 404, "ERR"},
    {"condition_failed", "the condition of the write did not hold", 412, "ERR"},
    {"too_large", "it is larger than a limit allows", 413, "ERR"},
    {"out_of_memory", "the memory limit is reached and nothing may be evicted", 507, "OOM"},
    {"unavailable", "not done, it may be tried again", 503, "CLUSTERDOWN"},
    {"deadline_exceeded", "not done, the deadline passed first", 503, "TRYAGAIN"},
    {"outcome_unknown", "it may or may not have been done", 504, "UNKNOWN"},
    {"not_owner", "another node owns the shard", 503, "TRYAGAIN"},
    {"stale_term", "it was said under a term that is over", 503, "TRYAGAIN"},
    {"peer_lost", "the link to the other node broke", 503, "CLUSTERDOWN"},
    {"access_denied", "that is not allowed from here", 403, "NOPERM"},
    {"storage_failed", "the disk is full or does not answer", 503, "MISCONF"},
    {"corrupt", "the bytes are damaged", 500, "ERR"},
    {"not_implemented", "that is not built here", 501, "ERR"},
    {"wrong_type", "Operation against a key holding the wrong kind of value", 409, "WRONGTYPE"},
    {"already_exists", "another row has that value already", 409, "ERR"},
    {"missing_reference", "a row that is referred to is missing, or one is still referred to", 422, "ERR"},
    {"conflict", "another transaction came between, it may be tried again", 409, "TRYAGAIN"},
}};

}  // namespace

const error_face& face_of(errc code) noexcept {
  const auto index = static_cast<std::size_t>(code);
  TROUPE_CHECK(index < faces.size());
  return faces[index];
}

std::string_view name_of(errc code) noexcept { return face_of(code).name; }

std::string_view message_of(errc code) noexcept { return face_of(code).message; }

std::string describe(const error& e) {
  std::string text(message_of(e.code));
  if (!e.context.empty()) text.append(": ").append(e.context);
  return text;
}

}  // namespace troupe
