#include "gateways/http/talk_json.hpp"

#include <nlohmann/json.hpp>

namespace troupe {

namespace {

using json = nlohmann::ordered_json;

std::string line_of(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

double milliseconds(duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

}  // namespace

std::string tags_json(const tag_map& tags) { return line_of({{"tags", tags}}); }

expected<tag_map> read_tags(std::string_view body) {
  const auto refuse = [] { return fail(errc::invalid_argument, "the body is no JSON object of texts"); };
  const json read = json::parse(body, nullptr, false);
  if (!read.is_object()) return refuse();
  tag_map tags;
  for (const auto& [name, value] : read.items()) {
    if (!value.is_string()) return refuse();
    tags[name] = value.get<std::string>();
  }
  return tags;
}

std::string said_json(const std::string& name, std::uint64_t time) {
  return line_of({{"name", name}, {"ltime", time}});
}

std::string query_json(const std::string& name, const query_result& r) {
  json answers = json::array();
  for (const auto& a : r.answers) {
    answers.push_back({{"member", a.member}, {"payload", a.payload}, {"took_ms", milliseconds(a.took)}});
  }
  return line_of({{"name", name}, {"answers", answers}, {"unhandled", r.unhandled}, {"silent", r.silent}});
}

std::string round_trip_json(const std::string& a, const std::string& b, duration d) {
  return line_of({{"a", a}, {"b", b}, {"rtt_ms", milliseconds(d)}});
}

}  // namespace troupe
