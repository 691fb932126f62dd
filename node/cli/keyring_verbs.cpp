#include "node/cli/keyring_verbs.hpp"

#include <cstdio>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/net/ring_key.hpp"
#include "gateways/http/client.hpp"
#include "gateways/http/uri.hpp"
#include "node/cli/exit_code.hpp"
#include "node/cli/table.hpp"

namespace troupe::cli {

namespace {

using nlohmann::json;

const std::string base = "/v1/cluster/keyring";

int print_members(const json& body) {
  std::vector<std::vector<std::string>> rows{{"member", "result", "reason"}};
  for (const auto& m : body.value("members", json::array())) {
    rows.push_back({m.value("name", ""), m.value("result", ""), m.value("reason", "")});
  }
  std::fputs(format_table(rows).c_str(), stdout);
  return body.value("complete", false) ? exit_done : exit_no;
}

int print_keys(const json& body) {
  const auto members = std::to_string(body.value("members", 0));
  std::vector<std::vector<std::string>> rows{{"key", "primary", "held by", "primary of"}};
  for (const auto& k : body.value("keys", json::array())) {
    rows.push_back({k.value("fingerprint", ""), k.value("primary", false) ? "yes" : "",
                    std::to_string(k.value("held_by", 0)) + " of " + members,
                    std::to_string(k.value("primary_of", 0)) + " of " + members});
  }
  std::fputs(format_table(rows).c_str(), stdout);
  const auto missing = body.value("not_reached", std::vector<std::string>{});
  for (const auto& name : missing) std::printf("not reached: %s\n", name.c_str());
  return missing.empty() ? exit_done : exit_no;
}

int change(const remote_options& o, const char* method, const std::string& target, const json& body) {
  return call_and_show(o, method, target, body.is_null() ? "" : body.dump(), [&](const json& answer) {
    const int code = answer.value("complete", false) ? exit_done : exit_no;
    return o.json ? code : print_members(answer);
  });
}

}  // namespace

int list_keyring(const remote_options& o) {
  return call_and_show(o, "GET", base, {}, [&](const json& answer) -> int {
    const bool all = answer.value("not_reached", json::array()).empty();
    return o.json ? (all ? exit_done : exit_no) : print_keys(answer);
  });
}

int install_key(const remote_options& o, const std::string& key) {
  if (const auto given = parse_ring_key(key); !given) {
    std::fprintf(stderr, "troupe: %s\n", given.error().context.c_str());
    return exit_usage;
  }
  return change(o, "POST", base + "/install", {{"key", key}});
}

int use_key(const remote_options& o, const std::string& key) {
  return change(o, "POST", base + "/use", {{"key", key}});
}

// A key does not belong into an address line: its fingerprint does.
int remove_key(const remote_options& o, const std::string& key) {
  const auto given = parse_ring_key(key);
  return change(o, "DELETE", base + "/" + percent_encode(given ? fingerprint_of(*given) : key), nullptr);
}

}  // namespace troupe::cli
