// Membership alone: three members, as three programs would have them; one ends without a word, one leaves.
#include <algorithm>
#include <cstdio>
#include <optional>

#include <troupe/member_list.hpp>

using troupe::member_state;

namespace {

std::optional<troupe::member_list> start(const char* name, const std::string& seed = {}) {
  troupe::member_list_options options;
  options.name = name;
  options.profile = "fast";
  options.tags = {{"role", "worker"}};
  options.secret = "what all of them know";
  if (!seed.empty()) options.seeds = {seed};
  auto list = troupe::member_list::start(options);
  if (list) return std::move(*list);
  std::fprintf(stderr, "%s: %s\n", name, describe(list.error()).c_str());
  return {};
}

bool sees(const troupe::member_list& list, const char* name, member_state state) {
  const bool seen = list.wait_until([&](const std::vector<troupe::member>& members) {
    return std::any_of(members.begin(), members.end(),
                       [&](const auto& m) { return m.name == name && m.state == state; });
  });
  if (seen) std::printf("%s sees %s %s\n", list.name().c_str(), name, std::string(name_of(state)).c_str());
  return seen;
}

}  // namespace

int main() {
  auto ann = start("ann");
  if (!ann) return 1;
  auto bob = start("bob", ann->address());
  auto cleo = start("cleo", ann->address());
  if (!bob || !cleo) return 1;
  ann->on_event([](const troupe::event& e) {
    if (e.kind == "user_event") std::printf("ann hears %s\n", to_string(e).c_str());
  });
  if (!sees(*ann, "bob", member_state::alive) || !sees(*bob, "cleo", member_state::alive)) return 1;

  if (!bob->raise_event("deploy", "v7")) return 1;
  const auto here = ann->ask({.name = "ping", .payload = {}, .tags = {{"role", "worker"}}, .service = {}});
  if (!here) return 1;
  std::printf("%zu answer a ping\n", here->answers.size());

  cleo->stop();  // as if it had crashed
  if (!sees(*ann, "cleo", member_state::failed)) return 1;
  if (!bob->leave() || !sees(*ann, "bob", member_state::departed)) return 1;
}
