#include "gateways/http/talk_routes.hpp"

#include <algorithm>
#include <utility>

#include "actors/cluster/cluster_calls.hpp"
#include "gateways/http/calls.hpp"
#include "gateways/http/talk_json.hpp"

namespace troupe {

namespace {

using namespace calls;

http_reply show_tags(const cluster_calls::tags& tags) { return json_reply(tags_json(tags)); }

http_route tags_route(const cluster_board& board) {
  http_route route;
  route.pattern = "/v1/cluster/tags";
  route.summary = "The tags of this node";
  route.answers = {ok(200, "the tags", "tags")};
  route.handler = [&board](http_exchange& ex) {
    const auto view = board.read();
    const auto self = std::find_if(view->members.begin(), view->members.end(),
                                   [&view](const member& m) { return m.id == view->id && m.name == view->node; });
    ex.answer(show_tags(self == view->members.end() ? tag_map{} : self->tags));
  };
  return route;
}

http_route set_tags_route(cluster_calls* calls) {
  http_route route;
  route.method = http_method::put;
  route.pattern = "/v1/cluster/tags";
  route.summary = "Sets the tags named in a JSON object; the others stay. Until this process ends";
  route.answers = {ok(200, "all tags after the change", "tags"), problem(400, "no object of texts, or a bad tag"),
                   problem(403, "the door is not bound to a loopback address"), problem(413, "beyond a limit")};
  route.admin = true;
  route.takes_body = true;
  route.handler = with_calls(calls, [](http_exchange& ex, cluster_calls& c) {
    auto tags = read_tags(ex.request().body);
    if (!tags) return ex.answer(problem_reply(tags.error()));
    c.change_tags({std::move(*tags), {}}, reply_later<cluster_calls::tags>(ex, call_deadline, show_tags));
  });
  return route;
}

http_route delete_tags_route(cluster_calls* calls) {
  http_route route;
  route.method = http_method::erase;
  route.pattern = "/v1/cluster/tags";
  route.summary = "Deletes tags of this node";
  route.query = {{"name", "a tag to delete; may be repeated"}};
  route.answers = {ok(200, "all tags after the change", "tags"), problem(400, "no name is given"),
                   problem(403, "the door is not bound to a loopback address")};
  route.admin = true;
  route.handler = with_calls(calls, [](http_exchange& ex, cluster_calls& c) {
    auto names = values_of(ex.request(), "name");
    if (names.empty()) return ex.answer(problem_reply(error{errc::invalid_argument, "give a name"}));
    c.change_tags({{}, std::move(names)}, reply_later<cluster_calls::tags>(ex, call_deadline, show_tags));
  });
  return route;
}

http_route event_route(cluster_calls* calls) {
  http_route route;
  route.method = http_method::post;
  route.pattern = "/v1/cluster/events";
  route.summary = "Says a user event to every member; the body is its payload, at most 512 bytes";
  route.query = {{"name", "1 to 64 letters, digits, or . _ - : /"}};
  route.answers = {ok(202, "it is said", "said"), problem(400, "a bad name"),
                   problem(403, "the door is not bound to a loopback address"),
                   problem(413, "the payload is too large"), problem(503, "this node said too much")};
  route.admin = true;
  route.takes_body = true;
  route.handler = with_calls(calls, [](http_exchange& ex, cluster_calls& c) {
    const std::string name = value_of(ex.request(), "name");
    std::string payload(ex.request().body);
    auto show = [name](std::uint64_t time) { return json_reply(said_json(name, time), 202); };
    c.raise_event(name, std::move(payload), reply_later<std::uint64_t>(ex, call_deadline, std::move(show)));
  });
  return route;
}

expected<query> read_query(const http_request& request) {
  query q;
  q.name = value_of(request, "name");
  q.payload = request.body;
  q.service = value_of(request, "service");
  for (const auto& tag : values_of(request, "tag")) {
    const auto equals = tag.find('=');
    if (equals == tag.npos || equals == 0) return fail(errc::invalid_argument, "a tag is NAME=VALUE");
    q.tags[tag.substr(0, equals)] = tag.substr(equals + 1);
  }
  if (const auto text = value_of(request, "timeout"); !text.empty()) {
    const auto timeout = parse_duration(text);
    if (!timeout) return fail(errc::invalid_argument, "timeout: " + timeout.error().context);
    q.timeout = *timeout;
  }
  // Bounded here too: the answer's deadline is reckoned from it.
  if (q.timeout > membership::query_timeout_max)
    return fail(errc::invalid_argument, "a query's timeout is from 10ms to 60s");
  return q;
}

http_route query_route(cluster_calls* calls) {
  http_route route;
  route.method = http_method::post;
  route.pattern = "/v1/cluster/queries";
  route.summary = "Asks the members and gathers their answers; the body is the payload, at most 512 bytes";
  route.query = {{"name", "of the query: ping, version, or what handlers answer"},
                 {"timeout", "how long to wait, e.g. 2s (the default), at most 60s"},
                 {"tag", "NAME=VALUE: only members with that tag; may be repeated"},
                 {"service", "only members that run it"}};
  route.answers = {ok(200, "the answers", "query"), problem(400, "a bad name, tag or timeout"),
                   problem(403, "the door is not bound to a loopback address"),
                   problem(413, "the payload is too large"), problem(503, "this node said too much")};
  route.admin = true;
  route.takes_body = true;
  route.handler = with_calls(calls, [](http_exchange& ex, cluster_calls& c) {
    auto q = read_query(ex.request());
    if (!q) return ex.answer(problem_reply(q.error()));
    const duration limit = q->timeout + call_deadline;
    auto show = [name = q->name](const query_result& r) { return json_reply(query_json(name, r)); };
    c.ask(std::move(*q), reply_later<query_result>(ex, limit, std::move(show)));
  });
  return route;
}

http_route round_trip_route(cluster_calls* calls) {
  http_route route;
  route.pattern = "/v1/cluster/rtt";
  route.summary = "The estimated round trip between two members, from network coordinates";
  route.query = {{"a", "a member's name"}, {"b", "another's"}};
  route.answers = {ok(200, "the estimate", "rtt"), problem(400, "a name is missing"),
                   problem(404, "no such live member, or not measured here yet")};
  route.handler = with_calls(calls, [](http_exchange& ex, cluster_calls& c) {
    const std::string a = value_of(ex.request(), "a");
    const std::string b = value_of(ex.request(), "b");
    if (a.empty() || b.empty()) return ex.answer(problem_reply(error{errc::invalid_argument, "give a and b"}));
    auto show = [a, b](duration d) { return json_reply(round_trip_json(a, b, d)); };
    c.round_trip(a, b, reply_later<duration>(ex, call_deadline, std::move(show)));
  });
  return route;
}

}  // namespace

expected<void> add_talk_routes(http_routes& to, const door_context& context) {
  http_route routes[] = {tags_route(context.board),  set_tags_route(context.calls), delete_tags_route(context.calls),
                         event_route(context.calls), query_route(context.calls),    round_trip_route(context.calls)};
  for (auto& route : routes) {
    if (auto r = to.add(std::move(route)); !r) return r;
  }
  return {};
}

}  // namespace troupe
