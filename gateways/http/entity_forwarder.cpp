#include "gateways/http/entity_forwarder.hpp"

#include <algorithm>
#include <utility>

#include "gateways/http/client.hpp"
#include "runtime/entities/entity_duty.hpp"

namespace troupe {

namespace {

time_point now() { return std::chrono::steady_clock::now(); }

// What of a request's and of an answer's fields is of use at the other end.
constexpr std::string_view request_fields[] = {"Content-Type", "If-Match", "If-None-Match"};
constexpr std::pair<const char*, const char*> answer_fields[] = {
    {"etag", "ETag"}, {"location", "Location"}, {"retry-after", "Retry-After"}, {"allow", "Allow"}};

// HEAD goes as GET: its answer's body is left out here.
std::string text_of(const http_request& r) {
  const auto method = r.method == http_method::head ? http_method::get : r.method;
  std::string text(name_of(method));
  text.append(" ").append(r.path);
  if (!r.query.empty()) text.append("?").append(r.query);
  text.append(" HTTP/1.1\r\nHost: troupe\r\nX-Request-Id: ").append(r.id).append("\r\n");
  for (const auto& [name, value] : r.fields) {
    const auto known = [&n = name](std::string_view f) { return same_field_name(n, f); };
    if (std::any_of(std::begin(request_fields), std::end(request_fields), known))
      text.append(name).append(": ").append(value).append("\r\n");
  }
  if (!r.body.empty() || method == http_method::put || method == http_method::post || method == http_method::patch)
    text.append("Content-Length: ").append(std::to_string(r.body.size())).append("\r\n");
  return text.append("\r\n").append(r.body);
}

http_reply reply_of(http_answer answer) {
  http_reply reply;
  reply.status = answer.status;
  reply.content_type = answer.headers["content-type"];
  for (const auto& [lower, name] : answer_fields) {
    if (const auto found = answer.headers.find(lower); found != answer.headers.end())
      reply.fields.emplace_back(name, std::move(found->second));
  }
  reply.body = std::move(answer.body);
  return reply;
}

// Nothing was done, and nothing will be.
bool is_not_done(errc code) {
  return code == errc::unavailable || code == errc::not_owner || code == errc::not_implemented;
}

std::string what_of(const std::string& path) { return path.empty() ? "entities" : "the entity " + path; }

}  // namespace

entity_forwarder::entity_forwarder(link_table& link, const cluster_board& board, duration deadline)
    : link_(link), board_(board), deadline_(deadline) {}

void entity_forwarder::forward(http_exchange& ex, std::string_view path) {
  const auto refuse = [&](failure why, std::string words) {
    count(why);
    ex.answer(problem_reply(error{errc::unavailable, std::move(words)}));
  };
  const auto view = board_.read();
  auto r = std::make_shared<run>();
  r->path = path;
  for (const auto* m : places_of_entity(*view, path, turn_.fetch_add(1, std::memory_order_relaxed)))
    r->places.push_back({m->name, {m->address, m->id}});
  if (r->places.empty()) return refuse(failure::nobody, "no live member serves " + what_of(r->path));
  r->request = text_of(ex.request());
  const auto size = r->request.size();
  const bool fits = under_way_.fetch_add(1, std::memory_order_relaxed) < requests_max &&
                    bytes_.load(std::memory_order_relaxed) + size <= bytes_max;
  bytes_.fetch_add(size, std::memory_order_relaxed);
  if (!fits) {
    under_way_.fetch_sub(1, std::memory_order_relaxed);
    bytes_.fetch_sub(size, std::memory_order_relaxed);
    return refuse(failure::too_much, "too many requests are under way to other members");
  }
  numbers_.requests.fetch_add(1, std::memory_order_relaxed);
  r->reads = ex.request().method == http_method::get || ex.request().method == http_method::head;
  r->deadline = ex.now() + deadline_;
  r->later = ex.later(r->deadline + 2 * way);
  ask(r);
}

void entity_forwarder::ask(const run_ptr& r) {
  const auto at = r->places[r->next++].at;
  const auto left = std::max(r->deadline - now(), duration::zero());
  const bool halved = r->reads && r->next < r->places.size();
  link_.request(
      at, link_request_kind::entities, r->request, now() + (halved ? left / 2 : left) + way,
      [self = shared_from_this(), r](const expected<std::string_view>& answer) { self->on_answer(r, answer); });
}

bool entity_forwarder::ask_another(const run_ptr& r) {
  if (r->next == r->places.size() || now() >= r->deadline) return false;
  numbers_.repeated.fetch_add(1, std::memory_order_relaxed);
  ask(r);
  return true;
}

void entity_forwarder::on_answer(const run_ptr& r, const expected<std::string_view>& answer) {
  if (answer) {
    auto read = parse_http_answer(*answer);
    if (read && read->status == 503 && ask_another(r)) return;
    if (read) return finish(r, reply_of(std::move(*read)));
    count(failure::malformed);
    return finish(r, problem_reply(error{r->reads ? errc::unavailable : errc::outcome_unknown, read.error().context}));
  }
  const auto& who = r->places[r->next - 1].name;
  const auto code = answer.error().code;
  if (code == errc::too_large) return finish(r, problem_reply(answer.error()));
  const bool not_done = is_not_done(code);
  if ((not_done || r->reads) && ask_another(r)) return;
  count(not_done ? failure::not_done : failure::lost);
  const auto words = not_done ? "no live member serves " + what_of(r->path) + " now, " + who + " neither"
                              : who + ", which serves " + what_of(r->path) + ", did not answer";
  finish(r, problem_reply(error{not_done || r->reads ? errc::unavailable : errc::outcome_unknown, words}));
}

void entity_forwarder::finish(const run_ptr& r, http_reply reply) {
  under_way_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(r->request.size(), std::memory_order_relaxed);
  r->later(std::move(reply));
}

void entity_forwarder::register_metrics(metrics& m) const {
  const auto read = [self = shared_from_this()](const std::atomic<std::uint64_t>& n) {
    return [self, &n] { return static_cast<double>(n.load(std::memory_order_relaxed)); };
  };
  m.read_counter("troupe_entities_forwarded_total", "Requests that other members were asked to answer", {},
                 read(numbers_.requests));
  m.read_counter("troupe_entities_forward_repeated_total", "Of them, asked again of another member", {},
                 read(numbers_.repeated));
  for (std::size_t i = 0; i < failure_names.size(); ++i) {
    m.read_counter("troupe_entities_forward_failures_total", "Requests that no other member answered",
                   {{"reason", failure_names[i]}}, read(numbers_.failures[i]));
  }
}

}  // namespace troupe
