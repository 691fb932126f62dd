// What routes that ask the cluster actor have in common: answers put off until it has spoken, parameters, small
// replies.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/cluster/cluster_calls.hpp"
#include "gateways/http/routes.hpp"
#include "gateways/http/uri.hpp"

namespace troupe::calls {

inline constexpr duration call_deadline = std::chrono::seconds(5);

inline route_answer ok(int status, std::string description, std::string schema) {
  return {status, std::move(description), "application/json", std::move(schema)};
}

inline route_answer problem(int status, std::string description) {
  return {status, std::move(description), "application/problem+json", "problem"};
}

inline http_reply json_reply(std::string body, int status = 200) {
  http_reply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

/// The values of one parameter, in order.
inline std::vector<std::string> values_of(const http_request& request, std::string_view name) {
  std::vector<std::string> values;
  const auto query = parse_query(request.query);  // the table has refused what cannot be read
  for (const auto& [key, value] : query.value_or(query_parameters{})) {
    if (key == name) values.push_back(value);
  }
  return values;
}

inline std::string value_of(const http_request& request, std::string_view name) {
  const auto values = values_of(request, name);
  return values.empty() ? std::string() : values.back();
}

/// Puts the answer off until the cluster actor has it.
template <class Result, class Show>
cluster_calls::callback<Result> reply_later(http_exchange& ex, duration limit, Show show) {
  return [later = ex.later(ex.now() + limit), show = std::move(show)](expected<Result> r) {
    later(r ? show(*r) : problem_reply(r.error()));
  };
}

/// The handler when there is a cluster to ask; 503 otherwise.
inline http_handler with_calls(cluster_calls* calls, std::function<void(http_exchange&, cluster_calls&)> f) {
  return [calls, f = std::move(f)](http_exchange& ex) {
    if (calls == nullptr) return ex.answer(problem_reply(error{errc::unavailable, "this node is in no cluster"}));
    f(ex, *calls);
  };
}

}  // namespace troupe::calls
