#include "gateways/http/keyring_routes.hpp"

#include <nlohmann/json.hpp>

#include "gateways/http/uri.hpp"

namespace troupe {

namespace {

using json = nlohmann::ordered_json;

constexpr duration answer_max = std::chrono::seconds(6);  // two steps at each member
constexpr std::size_t body_max = 1024;

std::string text_of(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

http_reply json_reply(const json& j) {
  http_reply reply;
  reply.body = text_of(j);
  return reply;
}

json list_json(const keyring_list& l) {
  json keys = json::array();
  for (const auto& row : l.keys) {
    keys.push_back({{"fingerprint", row.fingerprint},
                    {"primary", row.fingerprint == l.primary},
                    {"held_by", row.held_by},
                    {"primary_of", row.primary_of}});
  }
  return {{"primary", l.primary}, {"members", l.members}, {"keys", keys}, {"not_reached", l.not_reached}};
}

json result_json(const keyring_result& r) {
  json members = json::array();
  for (const auto& m : r.members) {
    members.push_back({{"name", m.name}, {"result", std::string(name_of(m.result))}, {"reason", m.reason}});
  }
  return {{"fingerprint", r.fingerprint}, {"complete", r.complete()}, {"members", members}};
}

bool refused_without_ring(http_exchange& ex, const keyring_access* ring) {
  if (ring != nullptr) return false;
  ex.answer(problem_reply(409, "this cluster has no secret: cluster.secret_file is not set", "no-keyring"));
  return true;
}

void answer_change(http_exchange& ex, keyring_access& ring, keyring_verb verb, const std::string& key) {
  auto later = ex.later(ex.now() + answer_max);
  ring.change(verb, key, [later = std::move(later)](const expected<keyring_result>& r) {
    later(r ? json_reply(result_json(*r)) : problem_reply(r.error()));
  });
}

void on_list(http_exchange& ex, keyring_access* ring) {
  if (refused_without_ring(ex, ring)) return;
  auto later = ex.later(ex.now() + answer_max);
  ring->list([later = std::move(later)](const keyring_list& l) { later(json_reply(list_json(l))); });
}

void on_post(http_exchange& ex, keyring_access* ring, keyring_verb verb) {
  if (refused_without_ring(ex, ring)) return;
  const auto body = ex.request().body;
  const auto parsed = body.size() > body_max ? json(json::value_t::discarded) : json::parse(body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("key") || !parsed["key"].is_string()) {
    return ex.answer(problem_reply(400, "the body must be {\"key\": \"...\"}", "bad-body"));
  }
  answer_change(ex, *ring, verb, parsed["key"].get<std::string>());
}

void on_delete(http_exchange& ex, keyring_access* ring) {
  if (refused_without_ring(ex, ring)) return;
  const auto key = percent_decode(ex.request().parameters[0]);
  if (!key) return ex.answer(problem_reply(400, "the path has a broken percent escape", "bad-path"));
  answer_change(ex, *ring, keyring_verb::remove, *key);
}

http_route admin_route(http_method method, std::string pattern, std::string summary, const char* schema,
                       http_handler handler) {
  http_route route;
  route.method = method;
  route.pattern = std::move(pattern);
  route.summary = std::move(summary);
  route.answers = {{200, "a row for each member or key", "application/json", schema},
                   {403, "the door is not bound to a loopback address", "application/problem+json", "problem"},
                   {409, "the cluster has no secret", "application/problem+json", "problem"}};
  route.admin = true;
  route.takes_body = method == http_method::post;
  route.handler = std::move(handler);
  return route;
}

}  // namespace

expected<void> add_keyring_routes(http_routes& to, keyring_access* ring) {
  const std::string base = "/v1/cluster/keyring";
  http_route routes[] = {
      admin_route(http_method::get, base, "Keys of the cluster's gossip by their fingerprints", "keyring",
                  [ring](http_exchange& ex) { on_list(ex, ring); }),
      admin_route(http_method::post, base + "/install", "Adds a key at every member", "keyring_change",
                  [ring](http_exchange& ex) { on_post(ex, ring, keyring_verb::install); }),
      admin_route(http_method::post, base + "/use", "Makes a key the one that seals, at every member", "keyring_change",
                  [ring](http_exchange& ex) { on_post(ex, ring, keyring_verb::use); }),
      admin_route(http_method::erase, base + "/{key}", "Removes a key at every member; never the primary",
                  "keyring_change", [ring](http_exchange& ex) { on_delete(ex, ring); }),
  };
  for (auto& route : routes) {
    if (auto r = to.add(std::move(route)); !r) return r;
  }
  return {};
}

}  // namespace troupe
