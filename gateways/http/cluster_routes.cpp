#include "gateways/http/cluster_routes.hpp"

#include <algorithm>

#include "gateways/http/uri.hpp"
#include "gateways/http/view_json.hpp"

namespace troupe {

namespace {

using view_handler = std::function<http_reply(const cluster_view&)>;

http_reply json_reply(std::string body) {
  http_reply reply;
  reply.body = std::move(body);
  return reply;
}

http_reply readiness(const cluster_view& v) {
  http_reply reply = json_reply(readiness_json(v));
  if (v.ready) return reply;
  reply = problem_reply(503, "this node is not ready", "not-ready");
  reply.problem->errors = v.not_ready_reasons;
  reply.fields.emplace_back("Retry-After", "1");
  return reply;
}

http_route get(std::string pattern, std::string summary, std::vector<route_answer> answers, http_handler handler) {
  http_route route;
  route.pattern = std::move(pattern);
  route.summary = std::move(summary);
  route.answers = std::move(answers);
  route.handler = std::move(handler);
  return route;
}

http_handler from_view(const cluster_board& board, view_handler f) {
  return [&board, f = std::move(f)](http_exchange& ex) { ex.answer(f(*board.read())); };
}

route_answer ok(std::string description, std::string schema) {
  return {200, std::move(description), "application/json", std::move(schema)};
}

http_route leave_route(std::function<void()> request_leave) {
  http_route route;
  route.method = http_method::post;
  route.pattern = "/v1/cluster/leave";
  route.summary = "Asks this node to depart gracefully";
  route.answers = {{202, "this node departs", "application/json", "leaving"},
                   {403, "the door is not bound to a loopback address", "application/problem+json", "problem"}};
  route.admin = true;
  route.handler = [leave = std::move(request_leave)](http_exchange& ex) {
    http_reply reply = json_reply("{\"leaving\":true}\n");
    reply.status = 202;
    ex.answer(reply);
    if (leave) leave();
  };
  return route;
}

// The answers come from the picture; the machine asks the member once more before it believes the operator.
http_reply force_leave(const cluster_view& view, const std::string& name,
                       const std::function<bool(std::string)>& begin) {
  const auto row_of = [&](auto counts) {
    return std::find_if(view.members.begin(), view.members.end(),
                        [&](const member& m) { return m.name == name && counts(m.state); });
  };
  // Of several incarnations the living one is the member.
  auto known = row_of([](member_state s) { return s != member_state::failed && s != member_state::departed; });
  if (known == view.members.end()) known = row_of([](member_state s) { return s == member_state::failed; });
  if (known == view.members.end())
    return problem_reply(error{errc::not_found, "no member '" + name + "' to be forced out"});
  if (known->state != member_state::failed) {
    return problem_reply(409, "'" + name + "' is " + std::string(name_of(known->state)) + ", not failed", "not-failed");
  }
  if (!begin || !begin(name)) return problem_reply(error{errc::unavailable, "this node cannot take it now"});
  http_reply reply = json_reply(forcing_json(name));
  reply.status = 202;
  return reply;
}

http_route force_leave_route(const door_context& context) {
  http_route route;
  route.method = http_method::post;
  route.pattern = "/v1/cluster/force-leave";
  route.summary = "Declares a failed member departed, after it was asked once more; the outcome is an event";
  route.query = {{"name", "the member's name"}};
  route.answers = {{202, "it is asked once more", "application/json", "forcing"},
                   {400, "no name is given", "application/problem+json", "problem"},
                   {403, "the door is not bound to a loopback address", "application/problem+json", "problem"},
                   {404, "no such member", "application/problem+json", "problem"},
                   {409, "the member has not failed", "application/problem+json", "problem"}};
  route.admin = true;
  route.handler = [&board = context.board, begin = context.force_leave](http_exchange& ex) {
    const auto given = parse_query(ex.request().query);
    if (!given || given->size() != 1 || given->front().second.empty()) {
      return ex.answer(problem_reply(error{errc::invalid_argument, "give one name"}));
    }
    ex.answer(force_leave(*board.read(), given->front().second, begin));
  };
  return route;
}

}  // namespace

expected<void> add_cluster_routes(http_routes& to, const door_context& context) {
  const cluster_board& board = context.board;
  const metrics& numbers = context.numbers;
  const route_answer problem_503{503, "the reasons are in errors", "application/problem+json", "problem"};
  http_route routes[] = {
      get("/livez", "Whether the process serves", {ok("it does", "liveness")},
          [](http_exchange& ex) { ex.answer(json_reply("{\"live\":true}\n")); }),
      get("/readyz", "Whether this node is ready for traffic", {ok("it is", "readiness"), problem_503},
          from_view(board, readiness)),
      get("/metrics", "Metrics in Prometheus' text format", {{200, "metrics", "text/plain; version=0.0.4", ""}},
          [&numbers](http_exchange& ex) {
            http_reply reply = json_reply(numbers.expose());
            reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
            ex.answer(reply);
          }),
      get("/v1/cluster", "The cluster as this node sees it", {ok("the cluster", "cluster")},
          from_view(board, [](const cluster_view& v) { return json_reply(cluster_json(v)); })),
      get("/v1/cluster/members", "Members, one row a name", {ok("members", "members")},
          from_view(board, [](const cluster_view& v) { return json_reply(members_json(v)); })),
      get("/v1/cluster/health", "Health of the data", {ok("health", "health")},
          from_view(board, [](const cluster_view& v) { return json_reply(health_json(v.health)); })),
      get("/v1/cluster/shards", "Where each shard lives", {ok("shards", "shards")},
          from_view(board, [](const cluster_view& v) { return json_reply(shards_json(v)); })),
      leave_route(context.request_leave),
      force_leave_route(context),
      get("/v1/services", "Services, their states and nodes", {ok("services", "services")},
          from_view(board, [](const cluster_view& v) { return json_reply(services_json(v)); })),
  };
  for (auto& route : routes) {
    if (auto r = to.add(std::move(route)); !r) return r;
  }
  return {};
}

}  // namespace troupe
