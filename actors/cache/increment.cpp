#include "actors/cache/increment.hpp"

#include <memory>
#include <string>
#include <utility>

#include "runtime/base/integer_text.hpp"
#include "runtime/cache/procedures/transaction.hpp"

namespace troupe {

namespace {

constexpr std::string_view no_integer = "the value is not an integer of 64 bits";

// The last of the replies in Redis' protocol, which is that of INCRBY.
expected<std::int64_t> last_number(std::string_view reply) {
  if (reply.ends_with("\r\n")) reply.remove_suffix(2);
  const auto before = reply.rfind("\r\n");
  auto line = before == reply.npos ? reply : reply.substr(before + 2);
  if (line.empty()) return fail(errc::corrupt, "the answer cannot be read");
  const char kind = line.front();
  line.remove_prefix(1);
  if (kind == '-') {
    if (line.starts_with("WRONGTYPE")) return fail(errc::wrong_type);
    if (line.starts_with("OOM")) return fail(errc::out_of_memory);
    return fail(errc::invalid_argument, line.starts_with("ERR ") ? std::string(line.substr(4)) : std::string(line));
  }
  const auto number = read_integer_text(line);
  if (kind != ':' || !number) return fail(errc::corrupt, "the answer cannot be read");
  return *number;
}

std::string words_for(std::string_view key, const increment_options& o) {
  std::string add;
  pack_word(add, key);
  pack_word(add, std::to_string(o.by));
  transaction_words all;
  if (o.ttl_if_new) {
    std::string create;
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(*o.ttl_if_new).count();
    for (const std::string_view word : {key, std::string_view("0"), std::string_view("NX"), std::string_view("PX")})
      pack_word(create, word);
    pack_word(create, std::to_string(ms));
    all.add(procedure::set, create);
  }
  all.add(procedure::incrby, add);
  return all.packed();
}

// One try after the other; each begins when the one before has answered.
class guarded_increment : public std::enable_shared_from_this<guarded_increment> {
 public:
  guarded_increment(cache_access& caches, cache_id cache, std::string_view key, const increment_options& o,
                    time_point deadline, number_callback done)
      : caches_(caches), cache_(cache), key_(key), options_(o), deadline_(deadline), done_(std::move(done)) {}

  void read() {
    caches_.submit(command(cache_op::get), deadline_, [self = shared_from_this()](owned_reply r) { self->on_read(r); });
  }

 private:
  cache_command command(cache_op op) const {
    cache_command c;
    c.op = op;
    c.cache = cache_;
    c.key = key_;
    return c;
  }

  void on_read(const owned_reply& r) {
    const bool absent = r.code == errc::not_found;
    if (!absent && r.code != errc::ok) return done_(fail(r.code, r.context));
    const auto old = absent ? std::optional<std::int64_t>(0) : read_integer_text(r.value);
    std::int64_t sum = 0;
    if (!old || __builtin_add_overflow(*old, options_.by, &sum))
      return done_(fail(errc::invalid_argument, std::string(no_integer)));
    auto c = command(cache_op::put);
    const auto text = std::to_string(sum);
    c.value = text;
    c.condition = absent ? write_condition::if_absent : write_condition::if_version;
    c.version = r.version;
    c.keep_ttl = !absent;
    if (absent) c.ttl = options_.ttl_if_new.value_or(duration::zero());
    caches_.submit(c, deadline_, [self = shared_from_this(), sum](const owned_reply& w) {
      if (w.code == errc::condition_failed) return self->read();  // the deadline ends it
      self->done_(w.code == errc::ok ? expected<std::int64_t>(sum) : fail(w.code, w.context));
    });
  }

  cache_access& caches_;
  const cache_id cache_;
  const std::string key_;
  const increment_options options_;
  const time_point deadline_;
  const number_callback done_;
};

}  // namespace

void increment(cache_access& caches, cache_id cache, std::string_view key, const increment_options& options,
               time_point deadline, number_callback done) {
  const auto words = words_for(key, options);
  cache_command c;
  c.op = cache_op::run;
  c.cache = cache;
  c.procedure = procedure::transaction;
  c.key = key;
  c.value = words;
  caches.submit(c, deadline,
                [&caches, cache, key = std::string(key), options, deadline, done = std::move(done)](owned_reply r) {
                  if (r.code == errc::ok) return done(last_number(r.value));
                  if (r.code != errc::not_implemented) return done(fail(r.code, std::move(r.context)));
                  std::make_shared<guarded_increment>(caches, cache, key, options, deadline, done)->read();
                });
}

}  // namespace troupe
