#include "node/cli/talk_verbs.hpp"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "gateways/http/client.hpp"
#include "gateways/http/uri.hpp"
#include "node/cli/exit_code.hpp"
#include "node/cli/table.hpp"

namespace troupe::cli {

namespace {

using nlohmann::json;

constexpr duration call_deadline = std::chrono::seconds(10);

int usage(const std::string& words) {
  std::fprintf(stderr, "troupe: %s\n", words.c_str());
  return exit_usage;
}

std::string parameter(const char* name, const std::string& value) {
  return std::string(name) + "=" + percent_encode(value, false);
}

/// Sends, and shows a good answer: as it is with --json, else by `print`, whose exit code counts.
template <class Print>
int call(const remote_options& o, const char* method, const std::string& target, const std::string& body,
         duration limit, Print print) {
  const auto answer = http_call(o.url, method, target, body, {}, limit);
  if (!answer) {
    std::fprintf(stderr, "troupe: no answer from %s: %s\n", o.url.c_str(), describe(answer.error()).c_str());
    return exit_unreachable;
  }
  const json read = json::parse(answer->body, nullptr, false);
  if (answer->status / 100 != 2) {
    const bool problem = read.is_object();
    const std::string title =
        problem ? read.value("title", "refused") : "HTTP status " + std::to_string(answer->status);
    const std::string detail = problem ? read.value("detail", "") : "";
    std::fprintf(stderr, "troupe: %s%s%s\n", title.c_str(), detail.empty() ? "" : ": ", detail.c_str());
    return exit_no;
  }
  if (!read.is_object()) {
    std::fprintf(stderr, "troupe: %s does not answer as a troupe node does\n", o.url.c_str());
    return exit_unreachable;
  }
  if (o.json) std::fputs(answer->body.c_str(), stdout);
  const int code = print(read);
  std::fflush(stdout);
  return code;
}

int print_tags(const remote_options& o, const json& body) {
  if (o.json) return exit_done;
  std::vector<std::vector<std::string>> rows{{"tag", "value"}};
  const json tags = body.value("tags", json::object());
  for (const auto& [name, value] : tags.items()) {
    rows.push_back({name, value.is_string() ? value.get<std::string>() : value.dump()});
  }
  std::fputs(format_table(rows).c_str(), stdout);
  return exit_done;
}

}  // namespace

int show_tags(const remote_options& o) {
  return call(o, "GET", "/v1/cluster/tags", "", call_deadline, [&](const json& body) { return print_tags(o, body); });
}

int change_tags(const remote_options& o, const talk_options& t) {
  json set = json::object();
  for (const auto& tag : t.set_tags) {
    const auto equals = tag.find('=');
    if (equals == tag.npos) return usage("a tag is NAME=VALUE, not " + tag);
    set[tag.substr(0, equals)] = tag.substr(equals + 1);
  }
  if (set.empty() && t.delete_tags.empty()) return usage("give NAME=VALUE, or --delete NAME");
  if (!t.delete_tags.empty()) {
    std::string target = "/v1/cluster/tags?";
    for (const auto& name : t.delete_tags)
      target.append(target.back() == '?' ? "" : "&").append(parameter("name", name));
    remote_options quiet = o;
    quiet.json = o.json && set.empty();
    const int code = call(quiet, "DELETE", target, "", call_deadline, [&](const json& body) -> int {
      return set.empty() ? print_tags(o, body) : static_cast<int>(exit_done);
    });
    if (code != exit_done || set.empty()) return code;
  }
  // Bytes that are no text are replaced here and so refused or seen, never thrown about.
  const std::string body = set.dump(-1, ' ', false, json::error_handler_t::replace);
  return call(o, "PUT", "/v1/cluster/tags", body, call_deadline, [&](const json& b) { return print_tags(o, b); });
}

int say_event(const remote_options& o, const talk_options& t) {
  return call(o, "POST", "/v1/cluster/events?" + parameter("name", t.name), t.payload, call_deadline,
              [&](const json& body) -> int {
                if (!o.json) std::printf("said at Lamport time %s\n", body.value("ltime", json(0)).dump().c_str());
                return exit_done;
              });
}

int ask_members(const remote_options& o, const talk_options& t) {
  const auto timeout = parse_duration(t.timeout);
  if (!timeout) return usage("--timeout " + t.timeout + ": " + timeout.error().context);
  std::string target = "/v1/cluster/queries?" + parameter("name", t.name) + "&" + parameter("timeout", t.timeout);
  for (const auto& tag : t.tags) target += "&" + parameter("tag", tag);
  if (!t.service.empty()) target += "&" + parameter("service", t.service);
  return call(o, "POST", target, t.payload, *timeout + call_deadline, [&](const json& body) -> int {
    const auto silent = body.value("silent", std::vector<std::string>{});
    if (!o.json) {
      std::vector<std::vector<std::string>> rows{{"member", "ms", "answer"}};
      for (const auto& a : body.value("answers", json::array())) {
        char took[32];
        std::snprintf(took, sizeof took, "%.1f", a.value("took_ms", 0.0));
        rows.push_back({a.value("member", ""), took, a.value("payload", "")});
      }
      for (const auto& name : body.value("unhandled", std::vector<std::string>{}))
        rows.push_back({name, "-", "(no handler)"});
      for (const auto& name : silent) rows.push_back({name, "-", "(silent)"});
      std::fputs(format_table(rows).c_str(), stdout);
    }
    return silent.empty() ? exit_done : exit_no;
  });
}

int show_round_trip(const remote_options& o, const talk_options& t) {
  const std::string target = "/v1/cluster/rtt?" + parameter("a", t.a) + "&" + parameter("b", t.b);
  return call(o, "GET", target, "", call_deadline, [&](const json& body) -> int {
    if (!o.json) std::printf("%.3f ms\n", body.value("rtt_ms", 0.0));
    return exit_done;
  });
}

}  // namespace troupe::cli
