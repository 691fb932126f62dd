#include "node/cli/remote_verbs.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>

#include <nlohmann/json.hpp>

#include "gateways/http/client.hpp"
#include "gateways/http/uri.hpp"
#include "node/cli/exit_code.hpp"
#include "node/cli/table.hpp"

namespace troupe::cli {

namespace {

using nlohmann::json;

constexpr duration call_deadline = std::chrono::seconds(10);
constexpr duration drop_deadline = std::chrono::minutes(11);  // beyond the longest cache.deadline

expected<http_answer> call(const remote_options& o, std::string_view method, const std::string& target,
                           std::string_view body = {}, duration deadline = call_deadline) {
  return http_call(o.url, method, target, body, {}, deadline);
}

int unreachable(const remote_options& o, const error& e) {
  std::fprintf(stderr, "troupe: no answer from %s: %s\n", o.url.c_str(),
               e.context.empty() ? describe(e).c_str() : e.context.c_str());
  return exit_unreachable;
}

// The node answered, but not with what was asked for.
int refused(const http_answer& answer) {
  const json problem = json::parse(answer.body, nullptr, false);
  std::string text = "HTTP status " + std::to_string(answer.status);
  if (problem.is_object()) {
    const std::string detail = problem.value("detail", "");
    text = problem.value("title", text) + (detail.empty() ? "" : ": " + detail);
  }
  std::fprintf(stderr, "troupe: %s\n", text.c_str());
  return exit_no;
}

std::string text_of(const json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string joined;
  for (const auto& item : value) joined.append(joined.empty() ? "" : ",").append(text_of(item));
  return joined.empty() ? "-" : joined;
}

int show(const remote_options& o, const std::string& target, const std::function<int(const json&)>& print) {
  return call_and_show(o, "GET", target, {}, print);
}

// One row for each element of an array, the columns by name.
int show_rows(const remote_options& o, const std::string& target, const std::vector<std::string>& columns) {
  return show(o, target, [&](const json& body) -> int {
    if (o.json) return exit_done;
    std::vector<std::vector<std::string>> rows{columns};
    for (const auto& item : body) {
      std::vector<std::string> row;
      for (const auto& column : columns) row.push_back(item.contains(column) ? text_of(item.at(column)) : "-");
      rows.push_back(std::move(row));
    }
    std::fputs(format_table(rows).c_str(), stdout);
    return exit_done;
  });
}

int show_object(const remote_options& o, const std::string& target) {
  return show(o, target, [&](const json& body) -> int {
    if (o.json) return exit_done;
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, value] : body.items()) rows.push_back({key, text_of(value)});
    std::fputs(format_table(rows).c_str(), stdout);
    return exit_done;
  });
}

std::string target_of(const cache_options& c) {
  return "/v1/cache/" + percent_encode(c.cache) + "/" + percent_encode(c.key);
}

}  // namespace

int call_and_show(const remote_options& o, const std::string& method, const std::string& target,
                  const std::string& request, const std::function<int(const json&)>& print) {
  const auto answer = call(o, method, target, request);
  if (!answer) return unreachable(o, answer.error());
  if (answer->status != 200) return refused(*answer);
  const json body = json::parse(answer->body, nullptr, false);
  if (body.is_discarded()) {
    std::fprintf(stderr, "troupe: %s does not answer as a troupe node does\n", o.url.c_str());
    return exit_unreachable;
  }
  if (o.json) std::printf("%s\n", answer->body.c_str());
  const int code = print(body);
  std::fflush(stdout);
  return code;
}

int call_and_wait(const remote_options& o, const std::string& method, const std::string& target,
                  const std::string& request, duration deadline) {
  const auto answer = call(o, method, target, request, deadline);
  if (!answer) return unreachable(o, answer.error());
  return answer->status / 100 == 2 ? exit_done : refused(*answer);
}

int show_members(const remote_options& o) {
  return show_rows(o, "/v1/cluster/members",
                   {"name", "pid", "state", "incarnation", "address", "services", "since", "flaps", "quarantined"});
}

int show_health(const remote_options& o) {
  return show(o, "/v1/cluster/health", [&](const json& body) -> int {
    const std::string status = body.value("status", "red");
    if (!o.json) {
      std::printf("%s\n", status.c_str());
      for (const auto& check : body.value("checks", json::array())) {
        std::printf("  %-4s %s%s%s\n", check.value("passed", false) ? "ok" : "FAIL", check.value("name", "").c_str(),
                    check.value("detail", "").empty() ? "" : ": ", check.value("detail", "").c_str());
      }
    }
    return status == "green" ? exit_done : exit_no;
  });
}

int show_shards(const remote_options& o) {
  return show_rows(o, "/v1/cluster/shards", {"shard", "primary", "replicas", "in_sync", "epoch"});
}

int show_services(const remote_options& o) {
  return show_rows(o, "/v1/services", {"name", "state", "nodes", "reason"});
}

int show_why(const remote_options& o, const std::string& name) {
  return show(o, "/v1/services/" + percent_encode(name) + "/why", [&](const json& body) -> int {
    const bool runs = body.value("runs", false);
    if (o.json) return runs ? exit_done : exit_no;
    const auto list = [&body](const char* key) { return body.value(key, json::array()); };
    if (list("path").empty()) {
      const std::string reason = body.value("reason", "");
      std::printf("%s is %s%s%s\n", name.c_str(), body.value("state", "").c_str(), reason.empty() ? "" : ": ",
                  reason.c_str());
    }
    for (const auto& line : list("path")) {
      std::printf("%*s%s\n", 2 * line.value("depth", 0), "", line.value("text", "").c_str());
    }
    for (const auto& m : list("members")) {
      std::printf("at %s: %s\n", m.value("member", "").c_str(), m.value("text", "").c_str());
    }
    for (const auto& m : list("without")) std::printf("at %s: no such module\n", text_of(m).c_str());
    for (const auto& m : list("silent")) std::printf("at %s: no answer\n", text_of(m).c_str());
    return runs ? exit_done : exit_no;
  });
}

int show_info(const remote_options& o) { return show_object(o, "/v1/cluster"); }

int get_value(const remote_options& o, const cache_options& c) {
  const auto answer = call(o, "GET", target_of(c));
  if (!answer) return unreachable(o, answer.error());
  if (answer->status != 200) return refused(*answer);
  std::fwrite(answer->body.data(), 1, answer->body.size(), stdout);
  if (!c.raw) std::fputc('\n', stdout);
  return std::fflush(stdout) == 0 ? exit_done : exit_self_check;
}

int set_value(const remote_options& o, const cache_options& c) {
  std::string value = c.value;
  if (c.value_from_stdin) value.assign(std::istreambuf_iterator<char>(std::cin), {});
  const auto answer = call(o, "PUT", target_of(c) + (c.ttl.empty() ? "" : "?ttl=" + percent_encode(c.ttl)), value);
  if (!answer) return unreachable(o, answer.error());
  if (answer->status / 100 != 2) return refused(*answer);
  std::printf("OK\n");
  return exit_done;
}

int delete_value(const remote_options& o, const cache_options& c) {
  const auto answer = call(o, "DELETE", target_of(c));
  if (!answer) return unreachable(o, answer.error());
  if (answer->status / 100 != 2) return refused(*answer);
  std::printf("OK\n");
  return exit_done;
}

int drop_values(const remote_options& o, const cache_options& c) {
  if (c.meant != c.cache) {
    std::fprintf(stderr, "troupe: this drops all values of %s: repeat its name, --i-mean-it %s\n", c.cache.c_str(),
                 c.cache.c_str());
    return exit_usage;
  }
  const auto name = percent_encode(c.cache);
  return call_and_wait(o, "DELETE", "/v1/cache/" + name + "?i_mean_it=" + name, {}, drop_deadline);
}

int turn_entity(const remote_options& o, const std::string& name, bool on) {
  std::string path(name);  // the typeName will do
  std::transform(path.begin(), path.end(), path.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto target = "/v1/services/entities/" + percent_encode(path) + "?state=" + (on ? "on" : "off");
  return call_and_wait(o, "PUT", target, {}, call_deadline);
}

int ask_to_leave(const remote_options& o) {
  const auto answer = call(o, "POST", "/v1/cluster/leave");
  if (!answer) return unreachable(o, answer.error());
  if (answer->status != 202) return refused(*answer);
  std::printf("the node is leaving\n");
  return exit_done;
}

int force_to_leave(const remote_options& o, const std::string& name) {
  const auto answer = call(o, "POST", "/v1/cluster/force-leave?name=" + percent_encode(name));
  if (!answer) return unreachable(o, answer.error());
  if (answer->status != 202) return refused(*answer);
  if (o.json) {
    std::printf("%s\n", answer->body.c_str());
  } else {
    std::printf("%s is asked once more; when it stays silent it has departed\n", name.c_str());
  }
  return exit_done;
}

}  // namespace troupe::cli
