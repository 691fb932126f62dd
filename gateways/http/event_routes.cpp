#include "gateways/http/event_routes.hpp"

#include <algorithm>
#include <charconv>

#include "gateways/http/event_socket.hpp"
#include "gateways/http/origin.hpp"
#include "gateways/http/uri.hpp"

namespace troupe {

namespace {

constexpr std::size_t kinds_max = 64;

expected<std::uint64_t> read_sequence(std::string_view text, const char* name) {
  std::uint64_t sequence = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), sequence);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size()) return sequence;
  return fail(errc::invalid_argument, std::string(name) + " is no number of an event");
}

/// Of both routes; the table lets each one's own parameters through.
expected<event_stream::options> read_options(const http_request& request) {
  event_stream::options o;
  std::string last(request.field("Last-Event-ID"));
  const char* last_name = "Last-Event-ID";
  const auto query = parse_query(request.query);
  if (!query) return fail(errc::invalid_argument, "the query has a broken percent escape");
  for (const auto& [name, value] : *query) {
    if (name == "after") {
      last = value;
      last_name = "after";
      continue;
    }
    for (std::string_view rest = value; !rest.empty();) {
      const auto comma = rest.find(',');
      if (comma != 0) o.kinds.emplace(rest.substr(0, comma));
      rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  if (o.kinds.size() > kinds_max) return fail(errc::invalid_argument, "too many kinds");
  if (last.empty()) return o;
  const auto sequence = read_sequence(last, last_name);
  if (!sequence) return tl::unexpected(sequence.error());
  o.resume_after = *sequence;
  return o;
}

/// What Beast would refuse without words.
bool asks_for_websocket(const http_request& request) {
  constexpr std::size_t key_size = 24;  // base64 of 16 bytes
  return request.method == http_method::get && !request.http_1_0 &&
         same_field_name(request.field("Upgrade"), "websocket") && request.field("Sec-WebSocket-Version") == "13" &&
         request.field("Sec-WebSocket-Key").size() == key_size;
}

http_reply upgrade_required() {
  http_reply reply = problem_reply(426, "this route speaks WebSocket, version 13", "websocket-only");
  reply.fields.emplace_back("Upgrade", "websocket");
  reply.fields.emplace_back("Connection", "Upgrade");
  reply.fields.emplace_back("Sec-WebSocket-Version", "13");
  return reply;
}

http_route socket_route(event_hub& hub, std::shared_ptr<event_stream_counts> counts) {
  http_route route;
  route.pattern = "/v1/events/ws";
  route.summary = "The same events over a WebSocket, a text message of JSON each";
  route.query = {{"kinds", "only these kinds, separated by commas"},
                 {"kind", "the same"},
                 {"after", "first the kept events after this sequence"}};
  route.answers = {{101, "the events follow", "", ""},
                   {403, "a page of another site asks", "application/problem+json", "problem"},
                   {426, "no WebSocket handshake", "application/problem+json", "problem"}};
  route.handler = [&hub, counts = std::move(counts)](http_exchange& ex) {
    const auto& request = ex.request();
    if (!asks_for_websocket(request)) return ex.answer(upgrade_required());
    if (is_from_elsewhere(request)) {
      return ex.answer(problem_reply(403, "the Origin is not this host", "foreign-origin"));
    }
    auto options = read_options(request);
    if (!options) return ex.answer(problem_reply(options.error()));
    event_socket_request wanted{std::string(request.path), std::string(request.field("Host")),
                                std::string(request.field("Sec-WebSocket-Key")), std::move(options->kinds),
                                options->resume_after.value_or(UINT64_MAX)};
    ex.take_over([&hub, counts, wanted](boost::asio::ip::tcp::socket socket, std::shared_ptr<http_lane> lane) {
      serve_event_socket(std::move(socket), std::move(lane), wanted, hub, counts);
    });
  };
  return route;
}

}  // namespace

expected<void> add_event_routes(http_routes& to, event_hub& hub, std::shared_ptr<event_stream_counts> counts) {
  http_route route;
  route.pattern = "/v1/events";
  route.summary = "Events of the cluster as seen at this node; resumes after Last-Event-ID";
  route.query = {{"kinds", "only these kinds, separated by commas"}};
  route.answers = {{200, "id: its sequence, event: its kind, data: the event", "text/event-stream", "event"}};
  route.handler = [&hub, counts](http_exchange& ex) {
    auto options = read_options(ex.request());
    if (!options) return ex.answer(problem_reply(options.error()));
    ex.stream("text/event-stream", std::make_unique<event_stream>(hub, std::move(*options), counts));
  };
  if (auto r = to.add(std::move(route)); !r) return r;
  return to.add(socket_route(hub, std::move(counts)));
}

}  // namespace troupe
