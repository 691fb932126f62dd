#include "gateways/http/leader_routes.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "gateways/http/calls.hpp"
#include "gateways/http/view_json.hpp"

namespace troupe {

namespace {

using namespace calls;

http_reply leader_now(const cluster_view& v) {
  if (v.leader_now) return json_reply(leader_json(v));
  std::string text = "no leader is known";
  if (const auto& last = v.last_leader) {
    text += "; " + last->name + " led term " + std::to_string(last->term) + " until " + format_time(last->at) + ": " +
            last->reason;
  }
  return problem_reply(error{errc::unavailable, std::move(text)});
}

http_reply show_handed_over(const cluster_calls::handed_over& h) {
  const nlohmann::ordered_json body = {{"name", h.name}, {"term", h.term}};
  return json_reply(body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

http_route handing_route(std::string pattern, std::string summary) {
  http_route route;
  route.method = http_method::post;
  route.pattern = std::move(pattern);
  route.summary = std::move(summary);
  route.answers = {ok(200, "another member leads", "handed_over"),
                   problem(403, "the door is not bound to a loopback address"),
                   problem(404, "no other member can lead, or none of that name"),
                   problem(503, "no leader is known, or the hand-over came to nothing: the old leader leads on")};
  route.admin = true;
  return route;
}

http_route transfer_route(cluster_calls* calls) {
  auto route =
      handing_route("/v1/cluster/leader/transfer",
                    "Has the leader, whichever it is, hand the lead to a member; it leads on until that one is "
                    "ready");
  route.query = {{"to", "the member's name"}};
  route.answers.push_back(problem(400, "no name is given"));
  route.handler = with_calls(calls, [](http_exchange& ex, cluster_calls& c) {
    auto name = value_of(ex.request(), "to");
    if (name.empty()) return ex.answer(problem_reply(error{errc::invalid_argument, "give to, a member's name"}));
    c.transfer(std::move(name), reply_later<cluster_calls::handed_over>(ex, call_deadline, show_handed_over));
  });
  return route;
}

http_route resign_route(cluster_calls* calls) {
  auto route =
      handing_route("/v1/cluster/leader/resign", "Has the leader hand the lead to the highest-ranked other member");
  route.handler = with_calls(calls, [](http_exchange& ex, cluster_calls& c) {
    c.transfer({}, reply_later<cluster_calls::handed_over>(ex, call_deadline, show_handed_over));
  });
  return route;
}

}  // namespace

expected<void> add_leader_routes(http_routes& to, const door_context& context) {
  http_route shown;
  shown.pattern = "/v1/cluster/leader";
  shown.summary = "The leader, since when and why";
  shown.answers = {ok(200, "the leader", "leader"), problem(503, "there is none; how the last one ended")};
  shown.handler = [&board = context.board](http_exchange& ex) { ex.answer(leader_now(*board.read())); };
  http_route routes[] = {std::move(shown), transfer_route(context.calls), resign_route(context.calls)};
  for (auto& route : routes) {
    if (auto r = to.add(std::move(route)); !r) return r;
  }
  return {};
}

}  // namespace troupe
