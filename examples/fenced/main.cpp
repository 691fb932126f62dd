// A resource of your own that a stale leader cannot write to: each write shows the leader's token, the resource
// keeps the highest it has seen.
#include <cstdio>
#include <string>

#include <troupe/fenced_sql.hpp>
#include <troupe/node.hpp>

namespace {

// Stands for a file, a device, a service: whatever orders the writes keeps the fence.
class ledger {
 public:
  troupe::expected<void> write(const troupe::fenced& token, const std::string& line) {
    if (auto admitted = fence_.admit(token); !admitted) return admitted;
    std::printf("term %llu writes: %s\n", static_cast<unsigned long long>(token.term()), line.c_str());
    return {};
  }

 private:
  troupe::fence fence_;
};

}  // namespace

int main() {
  troupe::config settings;
  settings.node.name = "fenced";
  settings.node.services = {"cache"};
  settings.node.data_dir = "./fenced-data";
  settings.cluster.bind = "127.0.0.1:0";
  settings.log.level = "warn";
  ledger book;
  auto first = troupe::fenced(0, {});
  for (int life = 1; life <= 2; ++life) {
    auto node = troupe::node::start(settings);
    if (!node || !node->wait_ready()) return 1;
    const auto token = node->fencing_token();
    if (!token || !token->still_valid() || !book.write(*token, "life " + std::to_string(life))) return 1;
    if (life == 1) first = *token;
  }
  // The leader of the first life wakes up late: its clock says so, and the resource proves it.
  const auto late = book.write(first, "too late");
  std::printf("valid: %s, refused: %s\n", first.still_valid() ? "yes" : "no", describe(late.error()).c_str());

  const auto update = fenced_update(troupe::sql_dialect::sqlite, {"jobs", {"state"}, {"id"}});
  std::printf("in a database: %s\n", update->c_str());
  return late ? 1 : 0;
}
