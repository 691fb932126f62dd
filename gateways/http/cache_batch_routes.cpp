#include "gateways/http/cache_batch_routes.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "actors/cache/cache_drop.hpp"
#include "actors/cache/increment.hpp"
#include "actors/cache/key_scan.hpp"
#include "gateways/http/cache_batch_json.hpp"
#include "gateways/http/calls.hpp"
#include "runtime/base/integer_text.hpp"

namespace troupe {

namespace {

using namespace calls;

// The door lends the accesses for longer than any handle here lives.
std::shared_ptr<cache_access> lent(cache_access& caches) { return {std::shared_ptr<void>(), &caches}; }

// None: it is answered.
std::optional<std::string> cache_name(http_exchange& ex, const cache_access& caches) {
  auto name = percent_decode(ex.request().parameters[0]);
  if (!name) {
    ex.answer(problem_reply(error{errc::invalid_argument, "the cache's name has a broken percent escape"}));
    return std::nullopt;
  }
  if (caches.find(*name)) return name;
  ex.answer(problem_reply(error{errc::not_found, "no cache of this name is declared"}));
  return std::nullopt;
}

expected<increment_options> read_increment(const http_request& request) {
  increment_options o;
  const auto by = value_of(request, "increment");
  const auto number = read_integer_text(by);
  if (!number) return fail(errc::invalid_argument, "increment is an integer of 64 bits");
  o.by = *number;
  const auto text = value_of(request, "ttl");
  if (text.empty()) return o;
  const auto ttl = parse_duration(text);
  if (!ttl || *ttl <= duration::zero()) return fail(errc::invalid_argument, "ttl is a duration such as 30s");
  o.ttl_if_new = *ttl;
  return o;
}

http_route increment_route(cache_access& caches, const config& settings) {
  http_route route;
  route.method = http_method::post;
  route.pattern = "/v1/cache/{cache}/{key...}";
  route.summary = "Adds to a number; a value that is not there counts as 0";
  route.query = {{"increment", "what is added, e.g. 1 or -5"},
                 {"ttl", "how long a new number lives, such as 30s; one that is there keeps its life"}};
  route.answers = {ok(200, "the new number", "cache_number"),
                   problem(400, "the value is no integer, or would overflow"),
                   problem(404, "no such cache"),
                   problem(409, "the key holds a list, a set or the like"),
                   problem(503, "not done: try again after Retry-After"),
                   problem(504, "type outcome-unknown: it may have been done")};
  route.handler = [&caches, &settings](http_exchange& ex) {
    const auto name = cache_name(ex, caches);
    if (!name) return;
    const auto key = percent_decode(ex.request().parameters[1]);
    if (!key || key->empty())
      return ex.answer(problem_reply(error{errc::invalid_argument, "the key is empty or has a broken percent escape"}));
    const auto options = read_increment(ex.request());
    if (!options) return ex.answer(problem_reply(options.error()));
    const auto deadline = ex.now() + settings.cache.deadline;
    auto done = [later = ex.later(deadline)](const expected<std::int64_t>& number) {
      later(number ? json_reply(cache_number_json(*number)) : problem_reply(number.error()));
    };
    increment(caches, *caches.find(*name), *key, *options, deadline, std::move(done));
  };
  return route;
}

std::optional<cache_scan> read_scan(http_exchange& ex) {
  cache_scan s;
  s.next = value_of(ex.request(), "next");
  if (const auto pattern = value_of(ex.request(), "pattern"); !pattern.empty()) s.pattern = pattern;
  const auto count = value_of(ex.request(), "count");
  if (count.empty()) return s;
  const auto number = read_integer_text(count);
  if (number && *number > 0) {
    s.count = static_cast<std::size_t>(*number);
    return s;
  }
  ex.answer(problem_reply(error{errc::invalid_argument, "count is a number above 0"}));
  return std::nullopt;
}

http_route scan_route(cache_access& caches, const config& settings) {
  http_route route;
  route.pattern = "/v1/cache/{cache}";
  route.summary =
      "A page of the keys, percent-encoded as in a path; each that stays comes at least once in a whole walk";
  route.query = {{"pattern", "glob, such as user:*"},
                 {"count", "about how many keys are looked at, 1 to 4096; 100 without it"},
                 {"next", "of the page before"}};
  route.answers = {ok(200, "keys, and next: null at the end", "cache_page"), problem(400, "a bad count or next"),
                   problem(404, "no such cache"), problem(501, "a cache that a database backs"),
                   problem(503, "a shard has no primary now")};
  route.handler = [&caches, &settings](http_exchange& ex) {
    const auto name = cache_name(ex, caches);
    if (!name) return;
    const auto scan = read_scan(ex);
    if (!scan) return;
    const auto deadline = ex.now() + settings.cache.deadline;
    auto done = [later = ex.later(deadline)](const expected<cache_page>& page) {
      later(page ? json_reply(cache_page_json(*page)) : problem_reply(page.error()));
    };
    scan_keys(caches, *caches.find(*name), *scan, deadline, std::move(done));
  };
  return route;
}

// The three lists are under way at the same time; the last answers.
struct batch_run {
  cache_batch asked;
  cache_batch_answer answer;
  std::atomic<int> left{3};
  http_later later;

  void finish_one() {
    if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) later(json_reply(cache_batch_json(asked, answer)));
  }
};

void run_batch(cache_access& caches, const std::string& name, const std::shared_ptr<batch_run>& run, duration limit) {
  cache handle(lent(caches), name);
  handle.get_all(
      run->asked.get,
      [run](std::vector<expected<cache_value>> got) {
        run->answer.got = std::move(got);
        run->finish_one();
      },
      limit);
  handle.put_all(
      run->asked.put,
      [run](std::vector<expected<std::uint64_t>> put) {
        run->answer.put = std::move(put);
        run->finish_one();
      },
      limit);
  handle.erase_all(
      run->asked.erase,
      [run](std::vector<expected<bool>> erased) {
        run->answer.erased = std::move(erased);
        run->finish_one();
      },
      limit);
}

http_route batch_route(cache_access& caches, const config& settings) {
  http_route route;
  route.method = http_method::post;
  route.pattern = "/v1/cache/{cache}";
  route.summary = "Reads, writes and removes many keys, each by itself, in no order among them; at most 4096";
  route.takes_body = true;
  route.answers = {ok(200, "an answer for each key, in the order asked", "cache_batch"),
                   problem(400, "no such JSON: all faults are listed"), problem(404, "no such cache")};
  route.handler = [&caches, &settings](http_exchange& ex) {
    const auto name = cache_name(ex, caches);
    if (!name) return;
    std::vector<std::string> faults;
    auto run = std::make_shared<batch_run>();
    run->asked = read_cache_batch(ex.request().body, faults);
    if (!faults.empty()) {
      auto refused = problem_reply(error{errc::invalid_argument, "the batch is refused"});
      refused.problem->errors = std::move(faults);
      return ex.answer(refused);
    }
    run->later = ex.later(ex.now() + settings.cache.deadline);
    run_batch(caches, *name, run, settings.cache.deadline);
  };
  return route;
}

http_route drop_route(cache_access& caches, const config& settings) {
  http_route route;
  route.method = http_method::erase;
  route.pattern = "/v1/cache/{cache}";
  route.summary = "Drops all values of a cache, at once for every later read";
  route.query = {{"i_mean_it", "the name of the cache once more"}};
  route.answers = {{204, "dropped", "", ""},
                   problem(404, "no such cache"),
                   problem(412, "i_mean_it is not the name of the cache"),
                   problem(501, "a cache that a database backs"),
                   problem(503, "some shards have not dropped it: call again"),
                   problem(504, "type outcome-unknown: some shards may have dropped it: call again")};
  route.handler = [&caches, &settings](http_exchange& ex) {
    const auto name = cache_name(ex, caches);
    if (!name) return;
    if (value_of(ex.request(), "i_mean_it") != *name)
      return ex.answer(problem_reply(error{errc::condition_failed, "i_mean_it is not the name of the cache"}));
    const auto deadline = ex.now() + settings.cache.deadline;
    drop_cache(caches, *caches.find(*name), deadline, [later = ex.later(deadline)](const expected<void>& done) {
      http_reply reply;
      reply.status = 204;
      later(done ? std::move(reply) : problem_reply(done.error()));
    });
  };
  return route;
}

}  // namespace

expected<void> add_cache_batch_routes(http_routes& to, cache_access& caches, const config& settings) {
  for (auto* make : {increment_route, scan_route, batch_route, drop_route}) {
    if (auto r = to.add(make(caches, settings)); !r) return r;
  }
  return {};
}

}  // namespace troupe
