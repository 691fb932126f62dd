#include "gateways/http/entity_server.hpp"

#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "actors/entities/entity_service.hpp"
#include "gateways/http/entity_routes.hpp"
#include "gateways/http/request_parser.hpp"

namespace troupe {

namespace {

/// The one answer, in whatever thread it is made. One that is never made says that the outcome is not known.
class forwarded_answer {
 public:
  forwarded_answer(link_responder responder, std::shared_ptr<entity_server_counters> numbers)
      : responder_(std::move(responder)), numbers_(std::move(numbers)), writer_(out_) {}
  ~forwarded_answer() {
    numbers_->under_way.fetch_sub(1, std::memory_order_relaxed);
    if (!answered_) responder_.answer(fail(errc::outcome_unknown, "the request was dropped unanswered"));
  }

  void frame(const http_request& request) {
    id_ = request.id;
    writer_.frame({.date = {}, .request_id = id_});
  }
  [[nodiscard]] answer_writer& writer() noexcept { return writer_; }

  void give() {
    answered_ = true;
    if (out_.size() > entity_server_counters::answer_bytes_max) {
      out_.clear();
      writer_.frame({.date = {}, .request_id = id_});
      write_reply(writer_, problem_reply(507, "the answer is too large to be forwarded: ask for fewer rows"));
    }
    responder_.answer(std::string_view(out_));
  }
  void give(const http_reply& reply) {
    write_reply(writer_, reply);
    give();
  }
  void refuse(const error& why) {
    answered_ = true;
    responder_.answer(tl::unexpected(why));
  }

 private:
  link_responder responder_;
  const std::shared_ptr<entity_server_counters> numbers_;
  std::string id_;
  std::string out_;
  answer_writer writer_;
  bool answered_ = false;
};

class forwarded_exchange final : public http_exchange {
 public:
  forwarded_exchange(const http_request& request, time_point deadline, std::shared_ptr<forwarded_answer> answer)
      : request_(request), deadline_(deadline), answer_(std::move(answer)) {}

  const http_request& request() const noexcept override { return request_; }
  time_point now() const noexcept override { return now_; }
  time_point deadline() const noexcept override { return deadline_; }
  answer_writer& writer() noexcept override { return answer_->writer(); }
  http_later later(time_point) override {
    waits_ = true;
    return [answer = answer_](const http_reply& reply) { answer->give(reply); };
  }
  void stream(std::string_view, std::unique_ptr<http_stream>) override {}
  void take_over(http_take_over) override {}

  [[nodiscard]] bool waits() const noexcept { return waits_; }

 private:
  const http_request& request_;
  const time_point now_ = std::chrono::steady_clock::now();
  const time_point deadline_;
  const std::shared_ptr<forwarded_answer> answer_;
  bool waits_ = false;
};

struct server {
  entity_service& entities;
  http_routes routes;
  std::uint64_t body_max;
  std::shared_ptr<entity_server_counters> numbers;

  void on_request(const link_request& r, link_responder responder) const;
  void serve(http_request& request, time_point deadline, const std::shared_ptr<forwarded_answer>& answer) const;
};

void server::on_request(const link_request& r, link_responder responder) const {
  if (numbers->under_way.fetch_add(1, std::memory_order_relaxed) >= entity_server_counters::requests_max) {
    numbers->under_way.fetch_sub(1, std::memory_order_relaxed);
    numbers->refused.fetch_add(1, std::memory_order_relaxed);
    return responder.answer(fail(errc::unavailable, "too many requests of other members are under way"));
  }
  const auto answer = std::make_shared<forwarded_answer>(std::move(responder), numbers);
  request_parser parser(entity_server_counters::header_max, body_max);
  const auto status = parser.feed(r.body);
  if (status == parse_status::body_too_large)
    return answer->refuse({errc::too_large, "the body is larger than http.body_max of the member that serves it"});
  if (status != parse_status::ready || parser.consumed() != r.body.size()) {
    numbers->malformed.fetch_add(1, std::memory_order_relaxed);
    return answer->refuse({errc::corrupt, "not one request of HTTP"});
  }
  auto& request = parser.request();
  request.id = request.field("X-Request-Id");
  serve(request, r.deadline - entity_server_counters::way, answer);
}

void server::serve(http_request& request, time_point deadline, const std::shared_ptr<forwarded_answer>& answer) const {
  const auto found = routes.find(request.method, request.path);
  if (found.route == nullptr) {
    numbers->malformed.fetch_add(1, std::memory_order_relaxed);
    return answer->refuse({errc::corrupt, "not a request for entities"});
  }
  request.parameters = found.parameters;
  const auto* e = entities.model().find(request.parameters[0]);
  if (e != nullptr && found.route->pattern != entity_schema_pattern && !entities.is_on(*e)) {
    numbers->refused.fetch_add(1, std::memory_order_relaxed);
    return answer->refuse({errc::not_owner, "this node does not serve the entity"});
  }
  numbers->served.fetch_add(1, std::memory_order_relaxed);
  answer->frame(request);
  forwarded_exchange ex(request, deadline, answer);
  try {
    found.route->handler(ex);
  } catch (const std::exception&) {
    if (!ex.waits()) return answer->refuse({errc::outcome_unknown, "the handler failed"});
  }
  if (!ex.waits()) answer->give();
}

}  // namespace

expected<std::shared_ptr<const entity_server_counters>> serve_entity_requests(link_table& link,
                                                                              entity_service& entities,
                                                                              const http_config& limits) {
  const auto numbers = std::make_shared<entity_server_counters>();
  const auto s = std::make_shared<server>(server{entities, {}, limits.body_max, numbers});
  if (auto added = add_entity_routes(s->routes, &entities); !added) return tl::unexpected(std::move(added.error()));
  link.handle_requests(link_request_kind::entities, [s](const link_request& r, link_responder responder) {
    s->on_request(r, std::move(responder));
  });
  return std::shared_ptr<const entity_server_counters>(numbers);
}

void register_metrics(metrics& m, const std::shared_ptr<const entity_server_counters>& numbers) {
  const auto read = [&](const char* name, const char* help, std::atomic<std::uint64_t> entity_server_counters::*which) {
    m.read_counter(name, help, {}, [numbers, which] { return static_cast<double>(((*numbers).*which).load()); });
  };
  read("troupe_entities_forward_served_total", "Requests answered here for other members",
       &entity_server_counters::served);
  read("troupe_entities_forward_refused_total", "Requests of other members for what is off here, or too many",
       &entity_server_counters::refused);
  read("troupe_entities_forward_malformed_total", "Requests of other members that could not be read",
       &entity_server_counters::malformed);
}

}  // namespace troupe
