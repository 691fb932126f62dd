#include "runtime/entities/json_text.hpp"

#include <set>
#include <vector>

namespace troupe {
namespace {

// Builds the value and refuses on the way what the library would let pass.
class strict_reader {
 public:
  [[nodiscard]] bool on(int depth, ordered_json::parse_event_t event, const ordered_json& parsed) {
    using events = ordered_json::parse_event_t;
    if (event == events::object_start || event == events::array_start) {
      if (static_cast<std::size_t>(depth) >= json_depth_max && fault_.empty()) fault_ = "it is nested too deep";
    }
    if (event == events::object_start) keys_.emplace_back();
    if (event == events::object_end) keys_.pop_back();
    if (event == events::key && !keys_.back().insert(parsed.get<std::string>()).second && fault_.empty())
      fault_ = "the key '" + parsed.get<std::string>() + "' is there twice in one object";
    return fault_.empty();
  }
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

 private:
  std::vector<std::set<std::string>> keys_;  // of the objects that are open
  std::string fault_;
};

// "syntax error while parsing value - ..." without the library's name and number in front.
std::string words_of(std::string_view what) {
  const auto end = what.find("] ");
  return std::string(end == what.npos ? what : what.substr(end + 2));
}

}  // namespace

expected<ordered_json> read_json(std::string_view text) {
  strict_reader strict;
  try {
    auto value =
        ordered_json::parse(text, [&strict](int depth, ordered_json::parse_event_t event, ordered_json& parsed) {
          // The library drops what is refused and goes on; objects are left out from then on, so keys are not counted.
          return strict.fault().empty() && strict.on(depth, event, parsed);
        });
    if (!strict.fault().empty()) return fail(errc::invalid_argument, "JSON: " + strict.fault());
    return value;
  } catch (const ordered_json::exception& e) {
    return fail(errc::invalid_argument, "JSON: " + words_of(e.what()));
  }
}

std::string type_words(const ordered_json& value) {
  if (value.is_number_float()) return "a number with a fraction";
  if (value.is_number()) return "an integer";
  if (value.is_string()) return "text";
  if (value.is_boolean()) return "true or false";
  if (value.is_object()) return "an object";
  return value.is_array() ? "a list" : "null";
}

void append_json_string(std::string& to, std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  to.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      to.push_back('\\');
      to.push_back(c);
    } else if (c == '\n') {
      to.append("\\n");
    } else if (byte < 0x20) {
      to.append("\\u00").push_back(digits[byte >> 4U]);
      to.push_back(digits[byte & 15U]);
    } else {
      to.push_back(c);
    }
  }
  to.push_back('"');
}

}  // namespace troupe
