#include "gateways/http/kvs_routes.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "actors/kvs/kvs_flush.hpp"
#include "gateways/http/conditions.hpp"
#include "gateways/http/uri.hpp"

namespace troupe {

namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view octets = "application/octet-stream";

std::string text_of(const json& j) { return j.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

kvs_condition condition_of(write_condition c) noexcept {
  switch (c) {
    case write_condition::if_absent: return kvs_condition::absent;
    case write_condition::if_present: return kvs_condition::present;
    case write_condition::if_version: return kvs_condition::version;
    default: return kvs_condition::none;
  }
}

struct kvs_http_request {
  kvs_request request;
  request_conditions conditions;
};

expected<kvs_http_request> read(const http_request& in) {
  kvs_http_request r;
  auto key = percent_decode(in.parameters[0]);
  if (!key) return fail(errc::invalid_argument, "the key has a broken percent escape");
  r.request.key = std::move(*key);
  if (r.request.key.empty()) return fail(errc::invalid_argument, "the key is empty");
  if (auto bad = read_conditions(in, r.conditions); !bad) return tl::unexpected(std::move(bad.error()));
  if (in.method != http_method::put && in.method != http_method::erase) return r;
  if (r.request.key.starts_with(kvs_own_prefix))
    return fail(errc::access_denied, "keys that begin with troupe/ are the cluster's own: read them only");
  r.request.op = in.method == http_method::put ? kvs_op::put : kvs_op::erase;
  if (!in.query.empty()) {  // only a PUT may have one: the table refuses it elsewhere
    const auto ttl = read_ttl(in.query);
    if (!ttl) return tl::unexpected(ttl.error());
    r.request.ttl = *ttl;
  }
  const auto rule = rule_for_write(r.conditions);
  if (!rule) return tl::unexpected(rule.error());
  if (rule->never) return fail(errc::condition_failed);
  r.request.condition = condition_of(rule->condition);
  r.request.version = rule->version;
  if (r.request.op == kvs_op::put) r.request.value = in.body;
  return r;
}

http_reply reply_of(kvs_op op, const request_conditions& c, kvs_result result) {
  if (result.code == errc::not_found) return problem_reply(404, "there is no value under this key", "not-found");
  if (result.code != errc::ok) return problem_reply(error{result.code, std::move(result.context)});
  http_reply reply;
  reply.status = op == kvs_op::get ? c.status_of_read(result.version) : 204;
  if (reply.status == 412) return problem_reply(error{errc::condition_failed, {}});
  if (op == kvs_op::erase) return reply;
  reply.content_type = octets;
  reply.fields.emplace_back("ETag", '"' + std::to_string(result.version) + '"');
  if (result.ttl_left > duration::zero()) {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(result.ttl_left).count();
    reply.fields.emplace_back("X-TTL-Ms", std::to_string(ms));
  }
  if (reply.status == 200) reply.body = std::move(result.value);
  return reply;
}

void handle_key(http_exchange& ex, kvs_access& kvs) {
  auto r = read(ex.request());
  if (!r) return ex.answer(problem_reply(r.error()));
  r->request.deadline = ex.now() + kvs_request_max;
  const auto op = r->request.op;
  kvs.ask(std::move(r->request),
          [op, conditions = std::move(r->conditions), later = ex.later(ex.now() + kvs_request_max)](kvs_result result) {
            later(reply_of(op, conditions, std::move(result)));
          });
}

json state_json(const kvs_status& s) {
  return {{"alive", true},          {"runs", s.runs},   {"serves", s.serves}, {"reason", s.fault},
          {"members", s.members},   {"epoch", s.epoch}, {"keys", s.keys},     {"tombstones", s.tombstones},
          {"memory_bytes", s.bytes}};
}

void handle_state(http_exchange& ex, kvs_access& kvs) {
  kvs_request r;
  r.op = kvs_op::is_alive;
  r.deadline = ex.now() + kvs_request_max;
  kvs.ask(std::move(r), [&kvs, later = ex.later(ex.now() + kvs_request_max)](const kvs_result& result) {
    if (result.code != errc::ok) return later(problem_reply(error{result.code, result.context}));
    http_reply reply;
    reply.body = text_of(state_json(kvs.status()));
    later(std::move(reply));
  });
}

void handle_flush(http_exchange& ex, kvs_access& kvs) {
  auto later = ex.later(ex.now() + kvs_flush_max);
  flush_kvs(kvs, ex.now() + kvs_flush_max, [later = std::move(later)](const expected<std::uint64_t>& deleted) {
    if (!deleted) return later(problem_reply(deleted.error()));
    http_reply reply;
    reply.body = text_of({{"deleted", *deleted}});
    later(std::move(reply));
  });
}

http_handler with(kvs_access* kvs, void (*f)(http_exchange&, kvs_access&)) {
  return [kvs, f](http_exchange& ex) {
    if (kvs == nullptr) return ex.answer(problem_reply(error{errc::unavailable, "this node takes no part in kvs"}));
    f(ex, *kvs);
  };
}

route_answer problem(int status, std::string description) {
  return {status, std::move(description), "application/problem+json", "problem"};
}

http_route key_route(kvs_access* kvs, http_method method, std::string summary, std::vector<route_answer> answers) {
  http_route route;
  route.method = method;
  route.pattern = "/v1/kvs/{key...}";
  route.handler = with(kvs, handle_key);
  route.summary = std::move(summary);
  route.answers = std::move(answers);
  route.answers.push_back(
      problem(503, "not done: no majority of the kvs members answers; try again after Retry-After"));
  if (method != http_method::put && method != http_method::erase) return route;
  route.answers.push_back(problem(403, "a key of the cluster's own, below troupe/"));
  route.answers.push_back(problem(412, "the condition did not hold"));
  route.answers.push_back(problem(504, "type outcome-unknown: it may have been done, or be done yet"));
  if (method == http_method::put) {
    route.takes_body = true;
    route.query = {{"ttl", "how long the value lives at least, such as 30s; without it it does not expire"}};
    route.answers.push_back(problem(413, "the key or the value is too large"));
    route.answers.push_back(problem(507, "kvs.memory_max is reached"));
  }
  return route;
}

}  // namespace

expected<void> add_kvs_routes(http_routes& to, kvs_access* kvs) {
  const route_answer value{200, "the value; ETag is its version, X-TTL-Ms what is left of its life at least",
                           std::string(octets), ""};
  const route_answer unchanged{304, "the value still has a version named in If-None-Match", "", ""};
  const auto none = problem(404, "no value under this key");
  http_route state;
  state.pattern = "/v1/kvs";
  state.handler = with(kvs, handle_state);
  state.summary = "Whether a majority of the kvs members answers this node, and what this node knows of them";
  state.answers = {{200, "a majority answers", "application/json", "kvs"}, problem(503, "no majority answers")};
  http_route flush;
  flush.method = http_method::erase;
  flush.pattern = "/v1/kvs";
  flush.handler = with(kvs, handle_flush);
  flush.summary = "Deletes all keys but the cluster's own; those written meanwhile may stay";
  flush.answers = {{200, "the number of keys deleted", "application/json", "kvs_flush"},
                   problem(403, "the door is not bound to a loopback address"),
                   problem(503, "it stopped on the way: try again")};
  flush.admin = true;
  http_route routes[] = {
      std::move(state),
      std::move(flush),
      key_route(kvs, http_method::get, "Reads a value of the key-value service", {value, unchanged, none}),
      key_route(kvs, http_method::head, "Reads a value's fields", {value, unchanged, none}),
      key_route(kvs, http_method::put, "Writes a value; on a majority of disks when it is answered",
                {{204, "stored; ETag is the new version", "", ""}}),
      key_route(kvs, http_method::erase, "Removes a value", {{204, "removed", "", ""}, none}),
  };
  for (auto& route : routes) {
    if (auto r = to.add(std::move(route)); !r) return r;
  }
  return {};
}

}  // namespace troupe
