#include <troupe/module_settings.hpp>

#include <charconv>
#include <utility>

#include "config/text.hpp"

namespace troupe {

void module_settings::fault(const std::string& key, const std::string& text) {
  faults_.push_back("modules." + module_ + "." + (is_name(key, "._-") ? key : in_quotes(key)) + ": " + text);
}

const std::string* module_settings::one(const std::string& key) {
  asked_.insert(key);
  const auto at = values_.find(key);
  if (at == values_.end()) return nullptr;
  if (!at->second.list && at->second.texts.size() == 1) return &at->second.texts.front();
  fault(key, "must be one value, is a list");
  return nullptr;
}

std::string module_settings::text(const std::string& key, std::string fallback) {
  const auto* given = one(key);
  return given == nullptr ? std::move(fallback) : *given;
}

std::vector<std::string> module_settings::texts(const std::string& key, std::vector<std::string> fallback) {
  asked_.insert(key);
  const auto at = values_.find(key);
  return at == values_.end() ? std::move(fallback) : at->second.texts;
}

std::int64_t module_settings::number(const std::string& key, std::int64_t fallback, std::int64_t min,
                                     std::int64_t max) {
  const auto* given = one(key);
  if (given == nullptr) return fallback;
  std::int64_t read = 0;
  const auto* const end = given->data() + given->size();
  const auto parsed = std::from_chars(given->data(), end, read);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    fault(key, "must be an integer, is " + in_quotes(*given));
  } else if (read < min || read > max) {
    fault(key, "must be from " + std::to_string(min) + " to " + std::to_string(max) + ", is " + *given);
  } else {
    return read;
  }
  return fallback;
}

bool module_settings::flag(const std::string& key, bool fallback) {
  const auto* given = one(key);
  if (given == nullptr) return fallback;
  if (*given == "true" || *given == "false") return *given == "true";
  fault(key, "must be true or false, is " + in_quotes(*given));
  return fallback;
}

duration module_settings::time(const std::string& key, duration fallback, duration min, duration max) {
  const auto* given = one(key);
  if (given == nullptr) return fallback;
  const auto read = parse_duration(*given);
  if (!read) {
    fault(key, "must be a duration such as \"30s\", is " + in_quotes(*given));
  } else if (*read < min || *read > max) {
    fault(key, "must be from " + format_duration(min) + " to " + format_duration(max) + ", is " + *given);
  } else {
    return *read;
  }
  return fallback;
}

std::uint64_t module_settings::bytes(const std::string& key, std::uint64_t fallback) {
  const auto* given = one(key);
  if (given == nullptr) return fallback;
  const auto read = parse_size(*given);
  if (read) return *read;
  fault(key, "must be a size such as \"64MiB\", is " + in_quotes(*given));
  return fallback;
}

expected<void> module_settings::finish() const {
  auto faults = faults_;
  const std::vector<std::string> known(asked_.begin(), asked_.end());
  for (const auto& [key, unused] : values_) {
    if (asked_.contains(key)) continue;
    const auto shown = is_name(key, "._-") ? key : in_quotes(key);
    const auto nearest = did_you_mean(key, known);
    const auto has = known.empty() ? "; the module takes no keys" : "; it has " + joined(known);
    faults.push_back("modules." + module_ + "." + shown + ": unknown key" + (nearest.empty() ? has : nearest));
  }
  if (faults.empty()) return {};
  return fail(errc::bad_config, joined(faults, "\n"));
}

}  // namespace troupe
