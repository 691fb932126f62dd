#include "gateways/http/event_routes.hpp"

#include <charconv>

#include "gateways/http/uri.hpp"

namespace troupe {

namespace {

constexpr std::size_t kinds_max = 64;

expected<event_stream::options> read_options(const http_request& request) {
  event_stream::options o;
  const auto query = parse_query(request.query);
  if (!query) return fail(errc::invalid_argument, "the query has a broken percent escape");
  for (const auto& [name, value] : *query) {  // the table lets only `kinds` through
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = rest.find(',');
      if (comma != 0) o.kinds.emplace(rest.substr(0, comma));
      rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  if (o.kinds.size() > kinds_max) return fail(errc::invalid_argument, "too many kinds");
  const std::string_view last = request.field("Last-Event-ID");
  if (last.empty()) return o;
  std::uint64_t sequence = 0;
  const auto read = std::from_chars(last.data(), last.data() + last.size(), sequence);
  if (read.ec != std::errc() || read.ptr != last.data() + last.size()) {
    return fail(errc::invalid_argument, "Last-Event-ID is no number of an event");
  }
  o.resume_after = sequence;
  return o;
}

}  // namespace

expected<void> add_event_routes(http_routes& to, event_hub& hub, std::shared_ptr<event_stream_counts> counts) {
  http_route route;
  route.pattern = "/v1/events";
  route.summary = "Events of the cluster as seen at this node; resumes after Last-Event-ID";
  route.query = {{"kinds", "only these kinds, separated by commas"}};
  route.answers = {{200, "id: its sequence, event: its kind, data: the event", "text/event-stream", "event"}};
  route.handler = [&hub, counts = std::move(counts)](http_exchange& ex) {
    auto options = read_options(ex.request());
    if (!options) return ex.answer(problem_reply(options.error()));
    ex.stream("text/event-stream", std::make_unique<event_stream>(hub, std::move(*options), counts));
  };
  return to.add(std::move(route));
}

}  // namespace troupe
