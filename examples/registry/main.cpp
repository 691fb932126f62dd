// Actors found by what they do: registered at one node, found at another, gone with their node.
#include <cstdio>

#include <troupe/caf_actors.hpp>
#include <troupe/local_cluster.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

int main() {
  troupe::local_cluster_options options{.nodes = 3, .services = {"cache"}};
  options.equip = [](troupe::node_options& brings, std::size_t) { brings.actors.emplace(); };
  auto cluster = troupe::local_cluster::start(std::move(options));
  if (!cluster) return 1;

  for (std::size_t i = 1; i < 3; ++i) {
    auto& there = cluster->at(i).actors();
    const auto printer = there.system().spawn([i](caf::event_based_actor*) -> caf::behavior {
      return {[i](const std::string& page) { return page + " printed at n" + std::to_string(i + 1); }};
    });
    if (!there.registry().add("printer", printer)) return 1;
  }
  auto& here = cluster->at(0).actors();
  const auto subscription = here.registry().subscribe("printer", [](const troupe::listing& now) {
    std::printf("%zu printers\n", now.size());
    std::fflush(stdout);
  });
  const auto printers = [&](std::size_t count) {
    return cluster->wait_until([&](auto&) { return here.registry().find("printer").size() == count; });
  };
  if (!printers(2)) return 1;

  const auto printer = here.registry().one("printer", troupe::where::on("n3"));
  if (!printer) return 1;
  caf::scoped_actor me(here.system());
  me->request(*printer, std::chrono::seconds(5), std::string("page 1"))
      .receive([](const std::string& done) { std::printf("%s\n", done.c_str()); }, [](const caf::error&) {});

  cluster->kill(2);
  if (!printers(1)) return 1;
  std::printf("left: %s\n", here.registry().find("printer").front().member.c_str());
}
