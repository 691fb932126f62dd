// A node inside an application: starts it, stores and reads a value, prints what happens, leaves.
#include <cstdio>

#include <troupe/node.hpp>

int main() {
  troupe::config settings;
  settings.node.name = "embedded";
  settings.node.services = {"cache"};
  settings.node.data_dir = "./embedded-data";
  settings.cluster.bind = "127.0.0.1:0";
  settings.log.level = "warn";

  auto node = troupe::node::start(settings);
  if (!node) {
    std::fprintf(stderr, "no node: %s\n", describe(node.error()).c_str());
    return 1;
  }
  node->on_event([](const troupe::event& e) { std::printf("event: %s\n", to_string(e).c_str()); });
  if (const auto ready = node->wait_ready(); !ready) {
    std::fprintf(stderr, "not ready: %s\n", describe(ready.error()).c_str());
    return 1;
  }

  auto cache = node->open_cache();
  if (!cache) return 1;
  const auto stored = cache->put("greeting", "hello from inside");
  const auto value = cache->get("greeting");
  if (!stored || !value) return 1;
  std::printf("greeting = %s (version %llu)\n", value->bytes.c_str(), static_cast<unsigned long long>(value->version));

  return node->leave() ? 0 : 1;
}
