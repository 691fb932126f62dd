#include "gateways/http/backup_routes.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/cache/key_scan.hpp"
#include "actors/wall_clock.hpp"
#include "gateways/http/calls.hpp"
#include "runtime/base/integer_text.hpp"
#include "runtime/cache/catalogue.hpp"
#include "runtime/cache/procedures/words.hpp"
#include "runtime/durability/log_reader.hpp"

namespace troupe {

namespace {

using namespace calls;
using json = nlohmann::ordered_json;

constexpr duration page_deadline = std::chrono::seconds(20);
constexpr int failures_shown = 3;

/// One procedure for many keys at once, wherever they live; `done` gets the answers in the order of the keys.
struct asked_keys {
  std::vector<owned_reply> replies;
  std::atomic<std::size_t> left{0};
};
using answers_callback = std::function<void(std::vector<owned_reply>&)>;

struct keyed_words {
  std::string key;
  std::vector<std::string> words;  // after the key
};

void ask_all(cache_access& caches, cache_id cache, procedure what, const std::vector<keyed_words>& keys,
             time_point deadline, answers_callback done) {
  const auto asked = std::make_shared<asked_keys>();
  asked->replies.resize(keys.size());
  asked->left = keys.size() + 1;
  const auto arrive = [asked, done = std::move(done)] {
    if (asked->left.fetch_sub(1, std::memory_order_acq_rel) == 1) done(asked->replies);
  };
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::string words;
    pack_word(words, keys[i].key);
    for (const auto& w : keys[i].words) pack_word(words, w);
    cache_command c;
    c.op = cache_op::run;
    c.cache = cache;
    c.procedure = what;
    c.key = keys[i].key;
    c.value = words;
    caches.submit(c, deadline, [asked, arrive, i](owned_reply r) {
      asked->replies[i] = std::move(r);
      arrive();
    });
  }
  arrive();
}

/// ":12\r\n"
std::int64_t number_in(const owned_reply& r) {
  if (!r.value.starts_with(':')) return -1;
  return read_integer_text(std::string_view(r.value).substr(1, r.value.find('\r') - 1)).value_or(-1);
}

/// "$3\r\nabc\r\n"; none for a key that is gone.
std::optional<std::string_view> bulk_in(const owned_reply& r) {
  const std::string_view text = r.value;
  const auto head = text.find("\r\n");
  if (!text.starts_with('$') || text.starts_with("$-") || head == text.npos) return std::nullopt;
  return text.substr(head + 2, text.size() - head - 4);
}

// A page: which keys, how large they are, when they end, what they are, and whether they still end then.
class backup_page : public std::enable_shared_from_this<backup_page> {
 public:
  backup_page(cache_access& caches, cache_id cache, std::string name, cache_scan from, time_point deadline,
              http_later later)
      : caches_(caches),
        cache_(cache),
        name_(std::move(name)),
        scan_(std::move(from)),
        deadline_(deadline),
        later_(std::move(later)) {}

  void go() {
    scan_keys(caches_, cache_, scan_, deadline_, [self = shared_from_this()](expected<cache_page> page) {
      if (!page) return self->later_(problem_reply(page.error()));
      self->take(std::move(*page));
    });
  }

 private:
  void take(cache_page page) {
    next_ = std::move(page.next);
    keys_.clear();
    for (auto& key : page.keys) keys_.push_back({std::move(key), {}});
    ask(procedure::memory_usage, [self = shared_from_this()](std::vector<owned_reply>& sizes) {
      std::uint64_t bytes = 0;
      for (const auto& r : sizes) bytes += static_cast<std::uint64_t>(std::max<std::int64_t>(number_in(r), 0));
      // Too much for one answer: fewer keys are looked at.
      if (bytes > backup_page_max && self->scan_.count > 1) {
        self->scan_.count = std::max<std::size_t>(1, self->scan_.count / 4);
        return self->go();
      }
      self->ask_ends();
    });
  }

  void ask_ends() {
    ask(procedure::pexpiretime, [self = shared_from_this()](std::vector<owned_reply>& ends) {
      self->ends_.clear();
      for (const auto& r : ends) self->ends_.push_back(number_in(r));
      self->ask(procedure::dump, [self](std::vector<owned_reply>& values) {
        self->values_ = std::move(values);
        self->ask(procedure::pexpiretime, [self](std::vector<owned_reply>& again) { self->judge(again); });
      });
    });
  }

  // A value belongs to the end that it had before and after it was read; what changed meanwhile is read again.
  void judge(const std::vector<owned_reply>& again) {
    bool same = true;
    for (std::size_t i = 0; i < keys_.size(); ++i) same = same && number_in(again[i]) == ends_[i];
    if (!same && ++tries_ < tries_max) return ask_ends();
    const auto faulty =
        std::find_if(values_.begin(), values_.end(), [](const owned_reply& r) { return r.code != errc::ok; });
    if (faulty != values_.end()) return later_(problem_reply(error{faulty->code, faulty->context}));
    answer();
  }

  void answer() {
    http_reply reply;
    reply.content_type = "application/octet-stream";
    std::uint64_t entries = 0;
    log_record record;
    record.kind = record_kind::page;
    record.wall_ms = wall_now_ms();
    std::uint64_t bytes = 0;
    const auto flush = [&] {
      if (!record.entries.empty()) append_record(reply.body, record);
      record.entries.clear();
      bytes = 0;
    };
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      const auto value = bulk_in(values_[i]);
      const auto left = ends_[i] - static_cast<std::int64_t>(record.wall_ms);
      if (!value || (ends_[i] > 0 && left <= 0)) continue;  // it is gone by now
      stream_entry e;
      e.key = keys_[i].key;
      e.value = *value;
      e.form = entry_form::object;
      if (ends_[i] > 0) e.ttl = std::chrono::milliseconds(left);
      bytes += e.key.size() + e.value.size();
      record.entries.push_back({name_, e});
      ++entries;
      if (bytes >= backup_record_max) flush();
    }
    flush();
    reply.fields.emplace_back("X-Troupe-Next", next_.empty() ? "end" : next_);
    reply.fields.emplace_back("X-Troupe-Entries", std::to_string(entries));
    later_(std::move(reply));
  }

  void ask(procedure what, answers_callback then) { ask_all(caches_, cache_, what, keys_, deadline_, std::move(then)); }

  static constexpr int tries_max = 5;

  cache_access& caches_;
  const cache_id cache_;
  const std::string name_;
  cache_scan scan_;
  const time_point deadline_;
  const http_later later_;
  std::string next_;
  std::vector<keyed_words> keys_;
  std::vector<std::int64_t> ends_;
  std::vector<owned_reply> values_;
  int tries_ = 0;
};

http_route backup_route(cache_access& caches) {
  http_route route;
  route.pattern = "/v1/admin/backup";
  route.summary = "A page of a backup of one cache: records with the serialised values; X-Troupe-Next names the next";
  route.query = {{"cache", "the cache"}, {"from", "X-Troupe-Next of the page before; absent: the first"}};
  route.answers = {{200, "records", "application/octet-stream", ""}, problem(404, "no such cache")};
  route.admin = true;
  route.handler = [&caches](http_exchange& ex) {
    const auto name = value_of(ex.request(), "cache");
    const auto cache = caches.find(name);
    if (!cache) return ex.answer(problem_reply(error{errc::not_found, "no cache of this name is declared"}));
    cache_scan scan;
    scan.next = value_of(ex.request(), "from");
    scan.count = backup_keys_max;
    const auto deadline = ex.now() + page_deadline;
    std::make_shared<backup_page>(caches, *cache, name, std::move(scan), deadline, ex.later(deadline))->go();
  };
  return route;
}

http_route caches_route(const config& settings) {
  json list = json::array();
  auto all = settings.caches;
  all.try_emplace("default");
  for (const auto& [name, c] : all) {
    if (cache_catalogue::is_internal(name)) continue;
    list.push_back({{"name", name}, {"backed", c.backed}, {"durable", c.durable}});
  }
  http_route route;
  route.pattern = "/v1/admin/backup/caches";
  route.summary = "The caches that there are; values of backed ones are in their database";
  route.answers = {ok(200, "the caches", "")};
  route.admin = true;
  route.handler = [body = list.dump() + "\n"](http_exchange& ex) { ex.answer(json_reply(body)); };
  return route;
}

/// What a body of records asks to be written.
struct restored_entries {
  std::vector<std::pair<cache_id, keyed_words>> writes;
  std::uint64_t expired = 0;
};

expected<restored_entries> read_entries(std::string_view body, const cache_access& caches) {
  restored_entries all;
  const auto now = static_cast<std::int64_t>(wall_now_ms());
  frame_view frames(body);
  std::string_view payload;
  while (frames.next(payload)) {
    const auto r = read_record(payload);
    if (!r || r->kind != record_kind::page) return fail(errc::invalid_argument, "a record that is no page");
    for (const auto& e : r->entries) {
      const auto cache = caches.find(e.cache);
      if (!cache) return fail(errc::not_found, "no cache " + std::string(e.cache) + " is declared");
      const auto ttl_ms = std::chrono::duration_cast<std::chrono::milliseconds>(e.entry.ttl).count();
      const auto ends = e.entry.ttl == duration::zero() ? 0 : static_cast<std::int64_t>(r->wall_ms) + ttl_ms;
      if (ends != 0 && ends <= now) {
        ++all.expired;
        continue;
      }
      all.writes.emplace_back(*cache,
                              keyed_words{std::string(e.entry.key),
                                          {std::to_string(ends), std::string(e.entry.value), "replace", "absttl"}});
    }
  }
  if (!frames.at_end()) return fail(errc::invalid_argument, "the records are damaged or cut off");
  return all;
}

http_reply restored_reply(std::uint64_t expired, const std::vector<owned_reply>& replies) {
  json failures = json::array();
  std::uint64_t applied = 0;
  std::uint64_t failed = 0;
  for (const auto& r : replies) {
    if (r.code == errc::ok && r.value.starts_with("+OK")) {
      ++applied;
    } else if (++failed <= failures_shown) {
      failures.push_back(r.code == errc::ok ? r.value : describe({r.code, r.context}));
    }
  }
  const json body{{"applied", applied}, {"expired", expired}, {"failed", failed}, {"failures", failures}};
  return json_reply(body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

http_route restore_route(cache_access& caches) {
  http_route route;
  route.method = http_method::post;
  route.pattern = "/v1/admin/restore";
  route.summary = "Writes the records of a backup's page; what has expired since is passed over";
  route.answers = {ok(200, "how many were applied, had expired, failed", ""),
                   problem(400, "no whole records: nothing was written"),
                   problem(404, "a cache that is not declared: nothing was written")};
  route.admin = true;
  route.takes_body = true;
  route.handler = [&caches](http_exchange& ex) {
    auto read = read_entries(ex.request().body, caches);
    if (!read) return ex.answer(problem_reply(read.error()));
    const auto deadline = ex.now() + page_deadline;
    // One cache after the other would wait for nothing: each write names its own.
    struct gathered {
      std::vector<owned_reply> replies;
      std::size_t left = 0;
      std::mutex mutex;
    };
    std::map<cache_id, std::vector<keyed_words>> by_cache;
    for (auto& [cache, words] : read->writes) by_cache[cache].push_back(std::move(words));
    const auto all = std::make_shared<gathered>();
    all->left = by_cache.size() + 1;
    const auto arrive = [all, expired = read->expired, later = ex.later(deadline)](std::vector<owned_reply>& some) {
      {
        const std::lock_guard lock(all->mutex);
        std::move(some.begin(), some.end(), std::back_inserter(all->replies));
        if (--all->left > 0) return;
      }
      later(restored_reply(expired, all->replies));
    };
    for (const auto& [cache, writes] : by_cache) ask_all(caches, cache, procedure::restore, writes, deadline, arrive);
    std::vector<owned_reply> none;
    arrive(none);
  };
  return route;
}

}  // namespace

expected<void> add_backup_routes(http_routes& to, cache_access& caches, const config& settings) {
  if (auto r = to.add(caches_route(settings)); !r) return r;
  if (auto r = to.add(backup_route(caches)); !r) return r;
  return to.add(restore_route(caches));
}

}  // namespace troupe
