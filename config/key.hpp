// The one table of configuration keys. Reading TOML, the environment and settings, checking ranges,
// printing and the annotated reference are all loops over it: a key is added by a member in
// <troupe/config.hpp> and a row here.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <troupe/config.hpp>

namespace troupe {

using string_list = std::vector<std::string>;
using string_map = std::map<std::string, std::string>;

/// Where a key's value lives; the alternative is also the key's type. An unsigned 64-bit number is
/// always a size in bytes.
using field = std::variant<bool*, std::uint32_t*, std::int32_t*, std::uint64_t*, duration*, std::string*, string_list*,
                           string_map*>;

struct key {
  std::string_view section;
  std::string_view name;
  /// The field in a configuration. `block` is the NAME of [caches.NAME], which is made if it is not
  /// there yet; other sections ignore it.
  field (*in)(config& c, const std::string& block);
  std::string_view doc;  // unit, cost, effect
  std::int64_t min = 0;  // of numbers, bytes or nanoseconds
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::string_view zero = {};                // what 0 means when it is allowed beside min..max
  std::vector<std::string_view> words = {};  // the values of a choice
  std::string_view alias = {};               // a second name, e.g. the one of other programs
  bool has_password = false;                 // printed with it masked
  std::string_view word = {};                // of a number: a word that stands for one outside its range, and that one
  std::int64_t word_number = 0;
};

struct section {
  std::string_view name;
  std::string_view doc;
};

inline constexpr std::string_view caches_section = "caches";
/// Its keys are the modules' own: no row has them.
inline constexpr std::string_view modules_section = "modules";

/// In the order of the reference.
[[nodiscard]] const std::vector<key>& keys();
[[nodiscard]] const std::vector<section>& sections();

/// By its name or alias; null when there is none.
[[nodiscard]] const key* find_key(std::string_view section, std::string_view name) noexcept;
[[nodiscard]] bool is_section(std::string_view name) noexcept;

/// "cache.replicas", or "caches.NAME.replicas" with a block.
[[nodiscard]] std::string path_of(const key& k, std::string_view block = {});

/// "; did you mean cache.replicas?" for a key that does not exist, else what the section has.
[[nodiscard]] std::string suggest_key(std::string_view section, std::string_view name, std::string_view block = {});

/// "; did you mean [cache]?", else all sections.
[[nodiscard]] std::string suggest_section(std::string_view name);

}  // namespace troupe
