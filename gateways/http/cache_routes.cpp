#include "gateways/http/cache_routes.hpp"

#include "gateways/http/conditions.hpp"
#include "gateways/http/uri.hpp"
#include "runtime/base/error.hpp"

namespace troupe {

namespace {

constexpr std::string_view octets = "application/octet-stream";
constexpr std::string_view ttl_field = "X-TTL-Ms";
constexpr std::string_view stale_field = "Troupe-Stale";  // the value's life is over

std::uint64_t milliseconds_left(duration ttl) noexcept {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(ttl).count();
  return ms > 0 ? static_cast<std::uint64_t>(ms) : 0;
}

// What the handler read of a request; views live as long as the handler's call.
struct cache_request {
  cache_command command;
  request_conditions conditions;
  std::string decoded_key;  // where the key needed decoding
};

cache_op op_of(http_method m) noexcept {
  switch (m) {
    case http_method::put: return cache_op::put;
    case http_method::erase: return cache_op::erase;
    default: return cache_op::get;  // HEAD too: its Content-Length is that of the value
  }
}

http_reply missing_value() { return problem_reply(404, "there is no value under this key", "not-found"); }

// The answer to everything that is not done, or done without a value.
http_reply reply_for(errc code, std::string context) {
  if (code == errc::not_found) return missing_value();
  return problem_reply(error{code, std::move(context)});
}

http_reply condition_failed() { return reply_for(errc::condition_failed, {}); }

// Writes the answer to a reply while its value is at hand.
void write_cache_reply(answer_writer& to, cache_op op, const request_conditions& c, const cache_reply& reply) {
  if (reply.code != errc::ok) return write_reply(to, reply_for(reply.code, {}));
  if (op == cache_op::erase) {
    to.open(204);
    return to.close();
  }
  const int status = op == cache_op::put ? 204 : c.any_given() ? c.status_of_read(reply.version) : 200;
  if (status == 412) return write_reply(to, condition_failed());
  to.open(status);
  to.entity_tag(reply.version);
  if (reply.ttl > duration::zero()) to.field(ttl_field, milliseconds_left(reply.ttl));
  if (status != 200) return to.close();
  to.close(octets, reply.value);
}

// The same as values, for an answer that comes later.
http_reply make_cache_reply(cache_op op, const request_conditions& c, owned_reply reply) {
  if (reply.code != errc::ok) return reply_for(reply.code, std::move(reply.context));
  http_reply answer;
  if (op == cache_op::erase) {
    answer.status = 204;
    return answer;
  }
  answer.status = op == cache_op::put ? 204 : c.status_of_read(reply.version);
  if (answer.status == 412) return condition_failed();
  answer.content_type = octets;
  answer.fields.emplace_back("ETag", '"' + std::to_string(reply.version) + '"');
  if (reply.ttl > duration::zero()) answer.fields.emplace_back(ttl_field, std::to_string(milliseconds_left(reply.ttl)));
  if (reply.stale) answer.fields.emplace_back(stale_field, "1");
  if (answer.status == 200) answer.body = std::move(reply.value);
  return answer;
}

class cache_door {
 public:
  cache_door(cache_access& caches, const config& settings) : caches_(caches), settings_(settings) {}

  void handle(http_exchange& ex) const {
    const http_request& request = ex.request();
    cache_request r;
    if (const auto read_all = read(request, r); !read_all) {
      if (read_all.error().code == errc::condition_failed) return ex.answer(condition_failed());
      return ex.answer(problem_reply(read_all.error()));
    }
    const cache_op op = r.command.op;
    const bool done = caches_.try_now(r.command, ex.now(), [&](const cache_reply& reply) {
      write_cache_reply(ex.writer(), op, r.conditions, reply);
    });
    if (done) return;
    const time_point deadline = ex.now() + settings_.cache.deadline;
    caches_.submit(r.command, deadline,
                   [op, conditions = std::move(r.conditions), later = ex.later(deadline)](owned_reply reply) {
                     later(make_cache_reply(op, conditions, std::move(reply)));
                   });
  }

 private:
  expected<void> read(const http_request& request, cache_request& r) const {
    r.command.op = op_of(request.method);
    if (const auto bad = read_name_and_key(request, r); !bad) return bad;
    if (const auto bad = read_conditions(request, r.conditions); !bad) return bad;
    if (!request.query.empty()) {  // only a PUT may have one: the table refuses it elsewhere
      const auto ttl = read_ttl(request.query);
      if (!ttl) return tl::unexpected(ttl.error());
      r.command.ttl = *ttl;
    }
    if (r.command.op != cache_op::put && r.command.op != cache_op::erase) return {};
    const auto rule = rule_for_write(r.conditions);
    if (!rule) return tl::unexpected(rule.error());
    if (rule->never) return fail(errc::condition_failed);
    r.command.condition = rule->condition;
    r.command.version = rule->version;
    if (r.command.op == cache_op::put) r.command.value = request.body;
    return {};
  }

  expected<void> read_name_and_key(const http_request& request, cache_request& r) const {
    const auto [raw_name, raw_key] = std::pair(request.parameters[0], request.parameters[1]);
    std::optional<cache_id> id;
    if (raw_name.find('%') == raw_name.npos) {
      id = caches_.find(raw_name);
    } else {
      const auto name = percent_decode(raw_name);
      if (!name) return fail(errc::invalid_argument, "the cache's name has a broken percent escape");
      id = caches_.find(*name);
    }
    if (!id) return fail(errc::not_found, "no cache of this name is declared");
    r.command.cache = *id;
    if (raw_key.empty()) return fail(errc::invalid_argument, "the key is empty");
    r.command.key = raw_key;
    if (raw_key.find('%') != raw_key.npos) {
      auto key = percent_decode(raw_key);
      if (!key) return fail(errc::invalid_argument, "the key has a broken percent escape");
      r.decoded_key = std::move(*key);
      r.command.key = r.decoded_key;
    }
    return {};
  }

  cache_access& caches_;
  const config& settings_;
};

const route_answer no_value{404, "no value under this key, or no such cache", "application/problem+json", "problem"};
const route_answer not_held{412, "the condition did not hold", "application/problem+json", "problem"};
const route_answer not_done{503, "not done: try again after Retry-After", "application/problem+json", "problem"};
const route_answer unknown{504, "type outcome-unknown: it may have been done", "application/problem+json", "problem"};

}  // namespace

expected<void> add_cache_routes(http_routes& to, cache_access& caches, const config& settings) {
  const auto door = std::make_shared<cache_door>(caches, settings);
  const auto add = [&](http_method method, std::string summary, std::vector<route_answer> answers) {
    http_route route;
    route.method = method;
    route.pattern = "/v1/cache/{cache}/{key...}";
    route.handler = [door](http_exchange& ex) { door->handle(ex); };
    route.summary = std::move(summary);
    route.answers = std::move(answers);
    if (method == http_method::put) {
      route.takes_body = true;
      route.query = {{"ttl", "how long the value lives, such as 30s; without it the value does not expire"}};
    }
    return to.add(std::move(route));
  };
  const route_answer value{200,
                           "the value; ETag is its version, X-TTL-Ms what is left of its life, "
                           "Troupe-Stale: 1 that it is over and it is loaded anew",
                           std::string(octets), ""};
  const route_answer unchanged{304, "the value still has a version named in If-None-Match", "", ""};
  const route_answer stored{204, "stored; ETag is the new version", "", ""};
  const route_answer full{507, "the memory limit is reached", "application/problem+json", "problem"};
  if (auto r = add(http_method::get, "Reads a value", {value, unchanged, no_value, not_held, not_done}); !r) return r;
  if (auto r = add(http_method::head, "Reads a value's fields", {value, unchanged, no_value, not_held, not_done}); !r) {
    return r;
  }
  if (auto r = add(http_method::put, "Writes a value", {stored, no_value, not_held, not_done, unknown, full}); !r) {
    return r;
  }
  return add(http_method::erase, "Removes a value", {{204, "removed", "", ""}, no_value, not_held, not_done, unknown});
}

}  // namespace troupe
