#include "gateways/http/counts.hpp"

namespace troupe {

namespace {

using lane_counts = std::vector<std::shared_ptr<http_counts>>;

template <class Pick>
metrics::reader sum_of(const lane_counts& lanes, Pick pick) {
  return [lanes, pick] {
    std::uint64_t sum = 0;
    for (const auto& lane : lanes) sum += pick(*lane).load(std::memory_order_relaxed);
    return static_cast<double>(sum);
  };
}

}  // namespace

std::string_view name_of(http_refusal r) noexcept {
  static constexpr std::array<std::string_view, http_refusals> names{
      "bad_request",    "uri_too_long", "header_too_large", "body_too_large", "bad_expectation", "not_implemented",
      "header_timeout", "body_timeout", "output_timeout",   "answer_timeout", "connections_max"};
  return names[static_cast<std::size_t>(r)];
}

void expose_counts(metrics& to, lane_counts lanes) {
  for (std::size_t c = 1; c < 6; ++c) {
    to.read_counter("troupe_http_requests_total", "Requests answered, by class of status",
                    {{"status", std::to_string(c) + "xx"}},
                    sum_of(
                        lanes, [c](const http_counts& n) -> auto& { return n.answers[c]; }));
  }
  for (std::size_t r = 0; r < http_refusals; ++r) {
    to.read_counter("troupe_http_refused_total", "Requests and connections refused or cut off, by reason",
                    {{"reason", std::string(name_of(static_cast<http_refusal>(r)))}},
                    sum_of(
                        lanes, [r](const http_counts& n) -> auto& { return n.refused[r]; }));
  }
  to.read_counter("troupe_http_connections_total", "Connections accepted", {},
                  sum_of(
                      lanes, [](const http_counts& n) -> auto& { return n.accepted; }));
  to.read_counter("troupe_http_received_bytes_total", "Bytes read from clients", {},
                  sum_of(
                      lanes, [](const http_counts& n) -> auto& { return n.bytes_in; }));
  to.read_counter("troupe_http_sent_bytes_total", "Bytes written to clients", {},
                  sum_of(
                      lanes, [](const http_counts& n) -> auto& { return n.bytes_out; }));
}

}  // namespace troupe
