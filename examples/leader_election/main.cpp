// Election alone: three members of which one leads; it ends without a word, and another leads under a higher term.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include <troupe/leader_election.hpp>

int main() {
  using troupe::leader_election;
  std::filesystem::remove_all("election-data");  // a real program keeps its votes
  std::vector<std::unique_ptr<leader_election>> members;
  for (const char* name : {"ann", "bob", "cleo"}) {
    troupe::leader_election_options options;
    options.name = name;
    options.data_dir = std::string("election-data/") + name;
    options.expected_members = 3;
    options.profile = "fast";
    if (!members.empty()) options.seeds = {members.front()->address()};
    auto started = leader_election::start(options);
    if (!started) {
      std::fprintf(stderr, "%s: %s\n", name, describe(started.error()).c_str());
      return 1;
    }
    members.push_back(std::make_unique<leader_election>(std::move(*started)));
    members.back()->on_change([name](const troupe::leadership_change& c) {
      if (c.leads_here) std::printf("%s leads, term %llu\n", name, static_cast<unsigned long long>(c.leader_now->term));
    });
  }

  // What is written to keeps the highest token that it has seen.
  troupe::fence ledger;
  std::optional<troupe::fenced> first;
  for (int reign = 1; reign <= 2; ++reign) {
    for (auto& m : members) {
      if (!m->wait_until([&](const troupe::cluster_view& v) {
            return v.leader_now && (!first || v.leader_now->term > first->term());
          })) {
        return 1;
      }
    }
    for (auto& m : members) {
      const auto token = m->fencing_token();
      if (!token) continue;
      std::printf("reign %d writes: %s\n", reign, ledger.admit(*token) ? "yes" : "no");
      if (reign == 2) break;
      first = *token;
      m->stop();  // as if it had crashed
      std::erase(members, m);
      break;
    }
  }
  if (!first) return 1;
  std::printf("the first one, waking: %s\n", describe(ledger.admit(*first).error()).c_str());
}
