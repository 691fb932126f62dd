// Modules: the warehouse runs at one node and exports its stock; shops at the others need it from anywhere. They start
// when it is there, stop when its node is killed, and resume when it is back. docs/MODULES.md.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>

#include <troupe/local_cluster.hpp>
#include <troupe/module.hpp>

using troupe::expected;
using troupe::module_context;

troupe::module make_warehouse() {
  troupe::module m;
  m.name = "warehouse";
  m.imports = {{"cache"}};  // a service of its own node
  m.exports = {{"stock"}};
  // [modules.warehouse] of the configuration; what it does not ask for is refused.
  const auto shelf = std::make_shared<std::string>();
  m.configure = [shelf](troupe::module_settings& s) -> expected<void> {
    *shelf = s.text("shelf", "A1");
    return {};
  };
  m.start = [shelf](module_context& here) -> expected<void> {
    if (auto shown = here.set_variables("stock", {{"shelf", *shelf}}); !shown) return shown;
    auto cache = here.open_cache();
    if (!cache) return tl::unexpected(cache.error());
    return {};
  };
  return m;
}

troupe::module make_shop(const std::string& node) {
  troupe::module m;
  m.name = "shop";
  m.imports = {{"stock", troupe::import_scope::anywhere}};
  m.required_for_ready = true;
  m.start = [node](module_context& here) -> expected<void> {
    for (const auto& s : here.sources_of("stock"))
      std::printf("shop at %s opens, stock at %s, shelf %s\n", node.c_str(), s.member.c_str(),
                  s.variables.at("shelf").c_str());
    return {};
  };
  m.stop = [node](module_context&) { std::printf("shop at %s closes\n", node.c_str()); };
  return m;
}

// What `troupe services` shows of the module.
troupe::service_status row(troupe::local_cluster& c, std::size_t node, const std::string& name) {
  const auto view = c.at(node).view();
  const auto at =
      std::find_if(view->services.begin(), view->services.end(), [&](const auto& s) { return s.name == name; });
  return at == view->services.end() ? troupe::service_status{} : *at;
}

int main() {
  troupe::local_cluster_options options;
  options.services = {"cache"};
  options.adjust = [](troupe::config& c, std::size_t i) {
    c.node.services.push_back(i == 0 ? "warehouse" : "shop");
    if (i == 0) c.modules["warehouse"]["shelf"] = {{"B7"}};
  };
  options.equip = [](troupe::node_options& brings, std::size_t i) {
    brings.modules = {make_warehouse(), make_shop("n" + std::to_string(i + 1))};
  };
  auto cluster = troupe::local_cluster::start(options);
  if (!cluster) return std::printf("%s\n", troupe::describe(cluster.error()).c_str());

  const auto shops_are = [](troupe::service_state s) {
    return [s](troupe::local_cluster& c) { return row(c, 1, "shop").state == s && row(c, 2, "shop").state == s; };
  };
  if (!cluster->wait_until(shops_are(troupe::service_state::running))) return 1;

  cluster->kill(0);
  if (!cluster->wait_until(shops_are(troupe::service_state::waiting))) return 1;
  std::printf("shop: %s\n", row(*cluster, 1, "shop").reason.c_str());

  if (!cluster->restart(0)) return 1;
  if (!cluster->wait_until(shops_are(troupe::service_state::running))) return 1;
  std::printf("both are open again\n");
}
