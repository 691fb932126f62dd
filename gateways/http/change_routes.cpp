#include "gateways/http/change_routes.hpp"

#include <memory>
#include <utility>

#include "gateways/http/change_stream.hpp"
#include "gateways/http/uri.hpp"
#include "runtime/base/integer_text.hpp"

namespace troupe {

namespace {

expected<change_options> read_options(const http_request& request) {
  change_options o;
  const auto query = parse_query(request.query);
  if (!query) return fail(errc::invalid_argument, "the query has a broken percent escape");
  for (const auto& [name, value] : *query) {
    if (name == "prefix") {
      o.prefix = value;
      continue;
    }
    const auto bytes = read_integer_text(value);
    if (!bytes || *bytes < 0 || *bytes > static_cast<std::int64_t>(change_options::value_bytes_most))
      return fail(errc::invalid_argument, "values is a number of bytes, at most 1048576");
    o.value_bytes_max = static_cast<std::size_t>(*bytes);
  }
  return o;
}

}  // namespace

expected<void> add_change_routes(http_routes& to, cache_access& caches) {
  http_route route;
  route.pattern = "/v1/cache/{cache}/changes";
  route.summary = "Changes of the cache's keys in the whole cluster; the key `changes` itself is read as %63hanges";
  route.query = {{"prefix", "only of keys that begin so"},
                 {"values", "values up to so many bytes are told too; 0 without it"}};
  route.answers = {{200, "event: open, put, erased, expired, evicted, dropped or gap; data: the change",
                    "text/event-stream", "change"},
                   {404, "no such cache", "application/problem+json", "problem"},
                   {503, "too many subscribers at this node", "application/problem+json", "problem"}};
  route.handler = [&caches](http_exchange& ex) {
    const auto name = percent_decode(ex.request().parameters[0]);
    auto options = read_options(ex.request());
    if (!name) return ex.answer(problem_reply(400, "the cache's name has a broken percent escape"));
    if (!options) return ex.answer(problem_reply(options.error()));
    const auto clock = std::make_shared<change_stream::alarm_clock>();
    options->wake = [clock] { clock->ring(); };
    auto queue = caches.subscribe(*name, *options);
    if (!queue) return ex.answer(problem_reply(queue.error()));
    ex.stream("text/event-stream", std::make_unique<change_stream>(change_subscription(std::move(*queue)), clock));
  };
  return to.add(std::move(route));
}

}  // namespace troupe
