#include "node/cli/leader_verbs.hpp"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "gateways/http/client.hpp"
#include "gateways/http/uri.hpp"
#include "node/cli/exit_code.hpp"
#include "node/cli/table.hpp"

namespace troupe::cli {

namespace {

using nlohmann::json;

constexpr const char* changes = "/v1/events?kinds=leader_elected,leader_lost,stepped_down,leader_transfer_failed";

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_object()) return value.dump();
  std::string text;
  for (const auto& [key, inner] : value.items()) text += (text.empty() ? "" : " ") + key + "=" + text_of(inner);
  return text;
}

int show_once(const remote_options& o) {
  return call_and_show(o, "GET", "/v1/cluster/leader", {}, [&](const json& body) -> int {
    if (o.json) return exit_done;
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, value] : body.items()) rows.push_back({key, text_of(value)});
    std::fputs(format_table(rows).c_str(), stdout);
    return exit_done;
  });
}

void print_change(const remote_options& o, const std::string& text) {
  const json e = json::parse(text, nullptr, false);
  if (o.json || !e.is_object()) {
    std::printf("%s\n", text.c_str());
  } else {
    const json fields = e.value("fields", json::object());
    std::printf("%s %s %s\n", e.value("time", "").c_str(), e.value("kind", "").c_str(), text_of(fields).c_str());
  }
  std::fflush(stdout);
}

// The present leader first, then a line for each change, until interrupted, counted out or the node is gone.
int watch(const remote_options& o, const leader_options& l) {
  if (!o.json) (void)show_once(o);
  std::uint32_t seen = 0;
  const auto on_line = [&](std::string_view line) {
    constexpr std::string_view mark = "data:";
    if (!line.starts_with(mark)) return true;
    line.remove_prefix(mark.size());
    while (line.starts_with(' ')) line.remove_prefix(1);
    print_change(o, std::string(line));
    return l.count == 0 || ++seen < l.count;
  };
  const auto answer = http_stream_lines(o.url, changes, {}, on_line);
  if (answer && answer->status == 200 && l.count != 0 && seen >= l.count) return exit_done;
  if (answer && answer->status != 200) {
    std::fprintf(stderr, "troupe: HTTP status %d\n", answer->status);
    return exit_no;
  }
  std::fprintf(stderr, "troupe: no answer from %s: %s\n", o.url.c_str(),
               answer ? "the node ended the stream" : describe(answer.error()).c_str());
  return exit_unreachable;
}

int hand_over(const remote_options& o, const std::string& target) {
  return call_and_show(o, "POST", target, {}, [&](const json& body) -> int {
    if (!o.json) {
      std::printf("%s leads term %s\n", body.value("name", "").c_str(), body.value("term", json(0)).dump().c_str());
    }
    return exit_done;
  });
}

}  // namespace

int show_leader(const remote_options& o, const leader_options& l) { return l.watch ? watch(o, l) : show_once(o); }

int transfer_lead(const remote_options& o, const leader_options& l) {
  return hand_over(o, "/v1/cluster/leader/transfer?to=" + percent_encode(l.to, false));
}

int resign_lead(const remote_options& o) { return hand_over(o, "/v1/cluster/leader/resign"); }

}  // namespace troupe::cli
