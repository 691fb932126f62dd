// The cache alone, in this process: lives, numbers, a loader, and a cache that is there again after a restart.
#include <cstdio>
#include <filesystem>

#include <troupe/local_cache.hpp>

using namespace std::chrono_literals;

int main() {
  troupe::local_cache_options options;
  options.memory_max = 64 << 20;
  options.caches["users"].ttl = 5min;
  options.caches["kept"].durable = true;
  options.data_dir = "cache-data";
  std::filesystem::remove_all(options.data_dir);
  {
    auto store = troupe::local_cache::start(options);
    if (!store) {
      std::fprintf(stderr, "no cache: %s\n", describe(store.error()).c_str());
      return 1;
    }
    auto cache = *store->open();
    const auto version = cache.put("greeting", "hello", {.ttl = 30s});
    const auto changed =
        cache.put("greeting", "good day", {.condition = troupe::write_condition::if_version, .version = *version});
    const auto late =
        cache.put("greeting", "too late", {.condition = troupe::write_condition::if_version, .version = *version});
    std::printf("changed: %s, again: %s\n", changed ? "yes" : "no", late ? "yes" : "no");
    for (int i = 0; i < 3; ++i) (void)cache.increment("visits");
    std::printf("greeting = %s, visits = %s\n", cache.get("greeting")->bytes.c_str(),
                cache.get("visits")->bytes.c_str());

    int loads = 0;
    (void)store->set_loader("users", [&](const std::string& key, troupe::time_point, troupe::load_callback done) {
      ++loads;  // from a database, say
      done(troupe::loaded_value{"row of " + key});
    });
    auto users = *store->open("users");
    for (int i = 0; i < 3; ++i) (void)users.get("alice");
    std::printf("%s, loaded once: %s\n", users.get("alice")->bytes.c_str(), loads == 1 ? "yes" : "no");
    if (!store->open("kept")->put("note", "from the first life")) return 1;
  }
  auto again = troupe::local_cache::start(options);
  if (!again) return 1;
  std::printf("note = %s, visits = %s\n", again->open("kept")->get("note")->bytes.c_str(),
              again->open()->get("visits") ? "kept" : "gone");
}
