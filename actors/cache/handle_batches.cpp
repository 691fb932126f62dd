// The methods of troupe::cache on numbers, on many keys, on all keys.
#include <algorithm>
#include <atomic>
#include <type_traits>
#include <vector>

#include "actors/cache/cache_drop.hpp"
#include "actors/cache/handle_calls.hpp"
#include "actors/cache/increment.hpp"
#include "actors/cache/key_scan.hpp"

namespace troupe {

namespace {

using namespace handle_calls;

template <class T>
using answers = std::vector<expected<T>>;

// All are under way at the same time; the last that answers gives them all.
template <class T>
class gathered {
 public:
  gathered(std::size_t count, std::function<void(answers<T>)> done)
      : answers_(count, fail(errc::unavailable)), left_(count), done_(std::move(done)) {}

  void set(std::size_t at, expected<T> answer) {
    if constexpr (std::is_same_v<T, cache_value>) {
      const auto size = answer ? answer->bytes.size() : 0;
      if (bytes_.fetch_add(size, std::memory_order_relaxed) + size > cache::batch_bytes_max)
        answer = fail(errc::too_large, "the values of the batch are too large together");
    }
    answers_[at] = std::move(answer);
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_(std::move(answers_));
  }

 private:
  answers<T> answers_;
  std::atomic<std::size_t> left_;
  std::atomic<std::size_t> bytes_{0};  // of values
  const std::function<void(answers<T>)> done_;
};

template <class T>
struct batch {
  std::size_t count = 0;
  std::function<cache_command(std::size_t)> command;
  std::function<expected<T>(owned_reply)> convert;
};

template <class T>
void run(cache_access& access, const std::string& name, const batch<T>& b, duration deadline,
         std::function<void(answers<T>)> done) {
  const auto id = access.find(name);
  if (!id) return done(answers<T>(b.count, b.convert(no_such_cache(name))));
  if (b.count == 0) return done({});
  if (b.count > cache::batch_max) {
    const auto most = "a batch has " + std::to_string(cache::batch_max) + " keys at most";
    return done(answers<T>(b.count, fail(errc::too_large, most)));
  }
  const auto all = std::make_shared<gathered<T>>(b.count, std::move(done));
  const auto until = deadline_after(deadline);
  for (std::size_t i = 0; i < b.count; ++i) {
    auto c = b.command(i);
    c.cache = *id;
    access.submit(c, until, [all, i, convert = b.convert](owned_reply r) { all->set(i, convert(std::move(r))); });
  }
}

// A put whose ttl is not sound is answered here.
void put_each(cache_access& access, const std::string& name, const std::vector<cache_entry>& entries, duration deadline,
              cache::versions_callback done) {
  std::vector<std::size_t> good;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (is_sound(entries[i].options)) good.push_back(i);
  }
  const batch<std::uint64_t> b{good.size(),
                               [&](std::size_t i) {
                                 const auto& e = entries[good[i]];
                                 return make_put(e.key, e.value, e.options);
                               },
                               to_version};
  run<std::uint64_t>(access, name, b, deadline,
                     [good, count = entries.size(), done = std::move(done)](answers<std::uint64_t> some) {
                       answers<std::uint64_t> all(count, to_version(bad_ttl()));
                       for (std::size_t i = 0; i < good.size(); ++i) all[good[i]] = std::move(some[i]);
                       done(std::move(all));
                     });
}

template <class T>
answers<T> wait_all(std::size_t count, bool reads, const std::function<void(std::function<void(answers<T>)>)>& start,
                    duration d) {
  auto all = wait_for<answers<T>>(start, d);
  if (all) return std::move(*all);
  return answers<T>(count, fail(reads ? errc::deadline_exceeded : errc::outcome_unknown, "no answer came"));
}

bool is_sound(const increment_options& o) { return !o.ttl_if_new || *o.ttl_if_new > duration::zero(); }

}  // namespace

void cache::increment(std::string_view key, const increment_options& options, number_callback done, duration deadline) {
  const auto id = access_->find(name_);
  if (!id) return done(fail(errc::not_found, no_such_cache(name_).context));
  if (!is_sound(options)) return done(fail(errc::invalid_argument, bad_ttl().context));
  troupe::increment(*access_, *id, key, options, deadline_after(deadline), std::move(done));
}

expected<std::int64_t> cache::increment(std::string_view key, const increment_options& options, duration deadline) {
  auto answer = wait_for<expected<std::int64_t>>(
      [&](number_callback done) { increment(key, options, std::move(done), deadline); }, deadline);
  return answer ? std::move(*answer) : fail(errc::outcome_unknown, "no answer came");
}

void cache::get_all(const std::vector<std::string>& keys, values_callback done, duration deadline) {
  const batch<cache_value> b{keys.size(), [&](std::size_t i) { return make_get(keys[i]); }, to_value};
  run<cache_value>(*access_, name_, b, deadline, std::move(done));
}

std::vector<expected<cache_value>> cache::get_all(const std::vector<std::string>& keys, duration deadline) {
  return wait_all<cache_value>(
      keys.size(), true, [&](values_callback done) { get_all(keys, std::move(done), deadline); }, deadline);
}

void cache::put_all(const std::vector<cache_entry>& entries, versions_callback done, duration deadline) {
  put_each(*access_, name_, entries, deadline, std::move(done));
}

std::vector<expected<std::uint64_t>> cache::put_all(const std::vector<cache_entry>& entries, duration deadline) {
  return wait_all<std::uint64_t>(
      entries.size(), false, [&](versions_callback done) { put_all(entries, std::move(done), deadline); }, deadline);
}

void cache::erase_all(const std::vector<std::string>& keys, bools_callback done, duration deadline) {
  const batch<bool> b{keys.size(), [&](std::size_t i) { return make_erase(keys[i]); }, to_erased};
  run<bool>(*access_, name_, b, deadline, std::move(done));
}

std::vector<expected<bool>> cache::erase_all(const std::vector<std::string>& keys, duration deadline) {
  return wait_all<bool>(
      keys.size(), false, [&](bools_callback done) { erase_all(keys, std::move(done), deadline); }, deadline);
}

void cache::scan(const cache_scan& s, page_callback done, duration deadline) {
  const auto id = access_->find(name_);
  if (!id) return done(fail(errc::not_found, no_such_cache(name_).context));
  scan_keys(*access_, *id, s, deadline_after(deadline), std::move(done));
}

void cache::drop(done_callback done, duration deadline) {
  const auto id = access_->find(name_);
  if (!id) return done(fail(errc::not_found, no_such_cache(name_).context));
  drop_cache(*access_, *id, deadline_after(deadline), std::move(done));
}

expected<void> cache::drop(duration deadline) {
  auto done = wait_for<expected<void>>([&](done_callback f) { drop(std::move(f), deadline); }, deadline);
  return done ? std::move(*done) : fail(errc::outcome_unknown, "no answer came");
}

expected<cache_page> cache::scan(const cache_scan& s, duration deadline) {
  auto page = wait_for<expected<cache_page>>([&](page_callback done) { scan(s, std::move(done), deadline); }, deadline);
  return page ? std::move(*page) : fail(errc::deadline_exceeded, "no answer came");
}

}  // namespace troupe
