#include "gateways/http/service_routes.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "gateways/http/calls.hpp"

namespace troupe {

namespace {

using namespace calls;
using json = nlohmann::ordered_json;

constexpr duration members_asked_for = std::chrono::seconds(1);

std::string names_payload(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    if (text.size() + name.size() + 1 > membership::announcement_payload_max) break;
    text.append(text.empty() ? "" : "\n").append(name);
  }
  return text;
}

http_reply show(const explanation& e, const query_result& said, const std::string& self) {
  json path = json::array();
  for (const auto& line : e.path) path.push_back({{"depth", line.depth}, {"text", line.text}});
  json members = json::array();
  for (const auto& a : said.answers) {
    if (a.member != self) members.push_back({{"member", a.member}, {"text", a.payload}});
  }
  json without = json::array();
  for (const auto& name : said.unhandled) {
    if (name != self) without.push_back(name);
  }
  const json body = {{"name", e.name}, {"state", e.state},   {"reason", e.reason}, {"runs", e.runs},
                     {"path", path},   {"members", members}, {"without", without}, {"silent", said.silent}};
  return json_reply(body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

void explain(http_exchange& ex, const explanation& e, cluster_calls* calls, const std::string& self) {
  if (e.runs || e.ask_for.empty() || calls == nullptr) return ex.answer(show(e, {}, self));
  query q;
  q.name = why_query;
  q.payload = names_payload(e.ask_for);
  q.timeout = members_asked_for;
  // What this node knows is told all the same when the others cannot be asked.
  auto done = [later = ex.later(ex.now() + members_asked_for + call_deadline), e,
               self](const expected<query_result>& said) { later(show(e, said ? *said : query_result{}, self)); };
  calls->ask(std::move(q), std::move(done));
}

}  // namespace

expected<void> add_service_routes(http_routes& to, const door_context& context) {
  http_route route;
  route.pattern = "/v1/services/{service}/why";
  route.summary = "Why a service, a module or an export does not run: what it lacks, and who should provide that";
  route.answers = {ok(200, "the path of what is not there; members: what others say of it", "why"),
                   problem(400, "the path has a broken percent escape"),
                   problem(404, "nothing here is, exports or imports something of that name")};
  route.handler = [why = context.why, calls = context.calls, &board = context.board](http_exchange& ex) {
    const auto name = percent_decode(ex.request().parameters[0]);
    if (!name) return ex.answer(problem_reply(error{errc::invalid_argument, "the path has a broken percent escape"}));
    const auto e = why ? why(*name) : std::nullopt;
    if (!e) {
      return ex.answer(
          problem_reply(error{errc::not_found, "nothing at this node is, exports or imports '" + *name + "'"}));
    }
    explain(ex, *e, calls, board.read()->node);
  };
  return to.add(std::move(route));
}

}  // namespace troupe
