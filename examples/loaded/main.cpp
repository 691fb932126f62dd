// A cache in front of something slow: its values are loaded when they are asked for, "there is none" is remembered, and
// the whole cache is dropped when what it was made from has changed. docs/CACHE.md.
#include <cstdio>
#include <map>
#include <string>

#include <troupe/node.hpp>

int main() {
  using namespace std::chrono_literals;
  const std::map<std::string, std::string> slow_database = {{"alice", "Alice"}, {"bob", "Bob"}};

  troupe::config settings;
  settings.node.name = "loaded";
  settings.node.services = {"cache"};
  settings.node.data_dir = "./loaded-data";
  settings.cluster.bind = "127.0.0.1:0";
  settings.log.level = "warn";
  settings.caches["users"].ttl = 5min;
  settings.caches["users"].negative_ttl = 10s;
  settings.caches["users"].stale_for = 1min;
  settings.caches["users"].keys_max = 100'000;

  troupe::node_options options;
  int loads = 0;  // the loader has one thread here
  const auto load = [&](const std::string& key, troupe::time_point, const troupe::load_callback& done) {
    ++loads;
    const auto row = slow_database.find(key);
    if (row == slow_database.end()) return done(std::optional<troupe::loaded_value>());
    done(std::optional(troupe::loaded_value{row->second}));
  };
  options.loaders["users"] = {load, {.threads = 1}};

  auto node = troupe::node::start(settings, std::move(options));
  if (!node || !node->wait_ready()) return 1;
  auto users = node->open_cache("users");
  if (!users) return 1;

  for (int i = 0; i < 3; ++i) {
    const auto alice = users->get("alice");
    const auto nobody = users->get("nobody");
    if (!alice || nobody.error().code != troupe::errc::not_found) return 1;
    std::printf("alice = %s, nobody = none\n", alice->bytes.c_str());
  }
  std::printf("%d loads for 6 gets\n", loads);
  if (const auto dropped = users->drop(); !dropped) return 1;
  if (!users->get("alice")) return 1;
  std::printf("%d loads after the drop\n", loads);
  return node->leave() ? 0 : 1;
}
