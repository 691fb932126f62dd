#include "node/cli/lock_verbs.hpp"

#include <cstdio>

#include <nlohmann/json.hpp>

#include <troupe/config.hpp>

#include "gateways/http/client.hpp"
#include "gateways/http/uri.hpp"
#include "node/cli/exit_code.hpp"
#include "node/cli/table.hpp"

namespace troupe::cli {

namespace {

using nlohmann::json;

constexpr duration call_deadline = std::chrono::seconds(10);

int answered(const remote_options& o, const expected<http_answer>& answer) {
  if (!answer) {
    std::fprintf(stderr, "troupe: no answer from %s: %s\n", o.url.c_str(), describe(answer.error()).c_str());
    return exit_unreachable;
  }
  if (answer->status / 100 == 2) return exit_done;
  const json problem = json::parse(answer->body, nullptr, false);
  const auto words =
      problem.is_object() ? problem.value("detail", "") : "HTTP status " + std::to_string(answer->status);
  std::fprintf(stderr, "troupe: %s\n", words.c_str());
  return exit_no;
}

}  // namespace

int show_locks(const remote_options& o) {
  return call_and_show(o, "GET", "/v1/locks", {}, [&](const json& body) -> int {
    if (o.json) return exit_done;
    std::vector<std::vector<std::string>> rows{{"kind", "name", "permits", "member", "token"}};
    for (const auto& row : body) {
      for (const auto& h : row.value("holders", json::array())) {
        rows.push_back({row.value("kind", ""), row.value("name", ""), row.value("permits", json(0)).dump(),
                        h.value("member", ""), h.value("token", json(0)).dump()});
      }
    }
    std::fputs(format_table(rows).c_str(), stdout);
    return exit_done;
  });
}

int take_lock(const remote_options& o, const lock_options& l) {
  const auto wait = parse_duration(l.wait);
  if (!wait) {
    std::fprintf(stderr, "troupe: --wait %s: %s\n", l.wait.c_str(), wait.error().context.c_str());
    return exit_usage;
  }
  std::string target = "/v1/locks/" + percent_encode(l.name) + "?ttl=" + percent_encode(l.ttl, false);
  if (l.token != 0) {
    target += "&token=" + std::to_string(l.token);
  } else {
    target += "&wait=" + percent_encode(l.wait, false);
    if (l.permits != 0) target += "&permits=" + std::to_string(l.permits);
  }
  const auto answer = http_call(o.url, l.token != 0 ? "PUT" : "POST", target, {}, {}, *wait + call_deadline);
  if (const int code = answered(o, answer); code != exit_done) return code;
  const json body = json::parse(answer->body, nullptr, false);
  if (o.json)
    std::fputs(answer->body.c_str(), stdout);
  else
    std::printf("%s\n", body.is_object() ? body.value("token", json(0)).dump().c_str() : "");
  return exit_done;
}

int release_lock(const remote_options& o, const lock_options& l) {
  const auto target = "/v1/locks/" + percent_encode(l.name) + "?token=" + std::to_string(l.token);
  const auto answer = http_call(o.url, "DELETE", target, {}, {}, call_deadline);
  if (const int code = answered(o, answer); code != exit_done) return code;
  std::printf("OK\n");
  return exit_done;
}

}  // namespace troupe::cli
