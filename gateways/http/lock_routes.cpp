// A lock taken here is held by this node for the client, who renews and releases it at this node by its token.
#include "gateways/http/lock_routes.hpp"

#include <charconv>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "gateways/http/calls.hpp"
#include "gateways/http/view_json.hpp"

namespace troupe {

namespace {

using namespace calls;

/// An HTTP request does not wait longer.
constexpr duration lock_route_wait_max = std::chrono::seconds(60);

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

expected<void> read_duration(const http_request& request, const char* name, duration& into) {
  const auto text = value_of(request, name);
  if (text.empty()) return {};
  const auto read = parse_duration(text);
  if (!read) return fail(errc::invalid_argument, std::string(name) + ": " + read.error().context);
  into = *read;
  return {};
}

expected<lock_request> read_request(const http_request& request) {
  lock_request r;
  const auto name = percent_decode(request.parameters[0]);
  if (!name) return fail(errc::invalid_argument, "the path has a broken percent escape");
  r.name = *name;
  if (const auto text = value_of(request, "permits"); !text.empty()) {
    const auto permits = read_number(text);
    if (!permits || *permits == 0 || *permits > lock_permits_max) {
      return fail(errc::invalid_argument, "permits are from 1 to " + std::to_string(lock_permits_max));
    }
    r.kind = lock_kind::semaphore;
    r.permits = static_cast<std::uint32_t>(*permits);
  }
  if (auto read = read_duration(request, "ttl", r.ttl); !read) return tl::unexpected(read.error());
  if (auto read = read_duration(request, "wait", r.wait); !read) return tl::unexpected(read.error());
  if (r.wait > lock_route_wait_max) return fail(errc::invalid_argument, "a wait is at most 60s here");
  if (auto fault = fault_of(r); !fault.empty()) return fail(errc::invalid_argument, std::move(fault));
  return r;
}

http_reply lock_problem(const error& e) {
  if (e.code == errc::condition_failed) return problem_reply(409, e.context, "lock-held");
  if (e.code == errc::deadline_exceeded) return problem_reply(409, e.context, "lock-wait-over");
  return problem_reply(e);
}

http_reply show_hold(const std::string& name, std::uint64_t token, duration ttl) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(ttl).count();
  return json_reply(nlohmann::ordered_json{{"name", name}, {"token", token}, {"ttl_ms", ms}}.dump() + "\n");
}

std::vector<route_answer> answers(std::vector<route_answer> more) {
  more.push_back(problem(400, "a bad name, duration or number"));
  more.push_back(problem(403, "the door is not bound to a loopback address"));
  return more;
}

http_route take_route(cluster_calls* calls) {
  http_route route;
  route.method = http_method::post;
  route.pattern = "/v1/locks/{name}";
  route.summary = "Takes a lock, or with permits a semaphore; this node holds it for ttl, or as long as it is renewed";
  route.query = {{"ttl", "1s to 10m, 10s by default"},
                 {"wait", "for others to let go, at most 60s; otherwise not at all"},
                 {"permits", "a semaphore of so many, 1 to 256; all must say the same"}};
  route.answers = answers({ok(200, "it is held, under this token", "lock"), problem(409, "others hold it"),
                           problem(503, "no leader answers")});
  route.admin = true;
  route.handler = with_calls(calls, [](http_exchange& ex, cluster_calls& c) {
    auto r = read_request(ex.request());
    if (!r) return ex.answer(problem_reply(r.error()));
    auto later = ex.later(ex.now() + r->wait + call_deadline);
    auto done = [later = std::move(later), name = r->name, ttl = r->ttl](const expected<std::uint64_t>& token) {
      later(token ? show_hold(name, *token, ttl) : lock_problem(token.error()));
    };
    c.locks().lock_for_token(std::move(*r), std::move(done));
  });
  return route;
}

http_route keep_route(cluster_calls* calls) {
  http_route route;
  route.method = http_method::put;
  route.pattern = "/v1/locks/{name}";
  route.summary = "Renews a hold that this node has for the client";
  route.query = {{"token", "of the hold"}, {"ttl", "from now on; 10s by default"}};
  route.answers = answers({ok(200, "it is held on", "lock"), problem(404, "this node holds nothing under that token")});
  route.admin = true;
  route.handler = with_calls(calls, [](http_exchange& ex, cluster_calls& c) {
    const auto r = read_request(ex.request());
    const auto token = read_number(value_of(ex.request(), "token"));
    if (!r) return ex.answer(problem_reply(r.error()));
    if (!token) return ex.answer(problem_reply(error{errc::invalid_argument, "give the token"}));
    auto done = [later = ex.later(ex.now() + call_deadline), name = r->name, ttl = r->ttl,
                 token = *token](const expected<void>& kept) {
      later(kept ? show_hold(name, token, ttl) : problem_reply(kept.error()));
    };
    c.locks().keep(*token, r->ttl, std::move(done));
  });
  return route;
}

http_route release_route(cluster_calls* calls) {
  http_route route;
  route.method = http_method::erase;
  route.pattern = "/v1/locks/{name}";
  route.summary = "Lets go of a hold that this node has for the client";
  route.query = {{"token", "of the hold"}};
  route.answers = answers({{204, "it is let go", "", ""}, problem(404, "this node holds nothing under that token")});
  route.admin = true;
  route.handler = with_calls(calls, [](http_exchange& ex, cluster_calls& c) {
    const auto token = read_number(value_of(ex.request(), "token"));
    if (!token) return ex.answer(problem_reply(error{errc::invalid_argument, "give the token"}));
    auto done = [later = ex.later(ex.now() + call_deadline)](const expected<void>& released) {
      http_reply gone;
      gone.status = 204;
      later(released ? std::move(gone) : problem_reply(released.error()));
    };
    c.locks().release(*token, std::move(done));
  });
  return route;
}

}  // namespace

expected<void> add_lock_routes(http_routes& to, const door_context& context) {
  http_route list;
  list.pattern = "/v1/locks";
  list.summary = "Locks, semaphores and roles and who holds them, as the cluster record says";
  list.answers = {ok(200, "a row each", "locks")};
  list.handler = [&board = context.board](http_exchange& ex) { ex.answer(json_reply(locks_json(*board.read()))); };
  http_route routes[] = {std::move(list), take_route(context.calls), keep_route(context.calls),
                         release_route(context.calls)};
  for (auto& route : routes) {
    if (auto r = to.add(std::move(route)); !r) return r;
  }
  return {};
}

}  // namespace troupe
